// How far each entry of a node's log has come: a glyph and a colour each, and words for both.

import { plain } from '../client/plain';
import type { Ledger } from '../client/ledger';
import type { Log } from '../cluster/log';
import type { Entry, Marks } from '../cluster/protocol';

export type EntryState = 'PROPOSED' | 'WRITTEN' | 'SYNCED' | 'COMMITTED' | 'APPLIED' | 'LOST' | 'GONE';

export const GLYPHS: Readonly<Record<EntryState, { glyph: string; says: string }>> = {
  PROPOSED: { glyph: '○', says: 'in memory only' },
  WRITTEN: { glyph: '◐', says: 'written: would die with the power' },
  SYNCED: { glyph: '●', says: 'synced to this disk' },
  COMMITTED: { glyph: '◆', says: 'committed: synced by a majority' },
  APPLIED: { glyph: '✔', says: 'committed and applied' },
  LOST: { glyph: '✕', says: 'acknowledged, and lost' },
  GONE: { glyph: '–', says: 'never acknowledged, and gone' },
};

export interface Cell {
  readonly entry: Entry;
  readonly state: EntryState;
}

/** The newest entries of a node, oldest first. */
export function cellsOf({ entries, marks }: Log, ledger: Ledger, count: number): Cell[] {
  return entries.slice(-count).map((entry) => ({ entry, state: gone(ledger.lossOf(entry)) ?? stateOf(entry.index, marks) }));
}

/** A cell in words. */
export function titleOf({ entry, state }: Cell): string {
  return `${entry.index} of term ${entry.term}, ${wordsOf(entry)}: ${GLYPHS[state].says}`;
}

function stateOf(index: number, marks: Marks): EntryState {
  if (index <= marks.applied) return 'APPLIED';
  if (index <= marks.commit) return 'COMMITTED';
  if (index <= marks.synced) return 'SYNCED';
  return index <= marks.written ? 'WRITTEN' : 'PROPOSED';
}

function gone(loss: ReturnType<Ledger['lossOf']>): EntryState | undefined {
  return loss === undefined ? undefined : loss === 'ACKNOWLEDGED' ? 'LOST' : 'GONE';
}

function wordsOf({ kind, text }: Entry): string {
  if (kind === 'NO_OP') return 'opens its term';
  return kind === 'CONFIGURATION' ? 'a configuration' : plain(text);
}
