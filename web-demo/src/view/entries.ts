// How far each entry of a node's log has come: a glyph and a colour each, and words for both.

import type { Ledger } from '../client/ledger';
import type { Report } from '../cluster/protocol';
import type { Entry } from '../worker/record';

export type EntryState = 'PROPOSED' | 'WRITTEN' | 'SYNCED' | 'COMMITTED' | 'APPLIED' | 'LOST';

export const GLYPHS: Readonly<Record<EntryState, { glyph: string; says: string }>> = {
  PROPOSED: { glyph: '○', says: 'in memory only' },
  WRITTEN: { glyph: '◐', says: 'written: would die with the power' },
  SYNCED: { glyph: '●', says: 'synced to this disk' },
  COMMITTED: { glyph: '◆', says: 'committed: synced by a majority' },
  APPLIED: { glyph: '✔', says: 'committed and applied' },
  LOST: { glyph: '✕', says: 'acknowledged, and lost' },
};

export interface Cell {
  readonly index: number;
  readonly term: number;
  readonly state: EntryState;
  readonly title: string;
}

/** The newest entries of a node, oldest first. */
export function cellsOf({ view, entries }: Report, ledger: Ledger, count: number): Cell[] {
  const cells = entries.map((entry): Cell => {
    const state = ledger.isLost(entry) ? 'LOST' : stateOf(entry.index, view);
    return { index: entry.index, term: entry.term, state, title: `${entry.index} of term ${entry.term}, ${wordsOf(entry)}: ${GLYPHS[state].says}` };
  });
  // What the leader has accepted and not handed to its disk yet.
  const last = cells.at(-1)?.index ?? 0;
  for (let index = Math.max(last + 1, view.last - count); index <= view.last; index++) {
    cells.push({ index, term: view.term, state: 'PROPOSED', title: `${index} of term ${view.term}: ${GLYPHS.PROPOSED.says}` });
  }
  return cells.slice(-count);
}

function stateOf(index: number, view: Report['view']): EntryState {
  if (index <= view.applied) return 'APPLIED';
  if (index <= view.commit) return 'COMMITTED';
  if (index <= view.synced) return 'SYNCED';
  return index <= view.written ? 'WRITTEN' : 'PROPOSED';
}

function wordsOf({ kind, text }: Entry): string {
  if (kind === 'BARRIER') return 'opens its term';
  return kind === 'CONFIGURATION' ? 'a configuration' : text;
}
