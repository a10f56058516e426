// The contract's table as `cargo xtask contract --write` made it, with the cell lit that the selected world has shown.

import { CONTRACT } from 'virtual:contract';
import type { Told } from '../engine/protocol';
import { make, setAttribute, setText } from '../view/dom';
import { spanOf } from './director';
import { writesOf } from './scene';
import type { Store } from './store';

const ROWS = ['Async', 'FewWritten', 'FewSynced', 'MajorityWritten', 'MajoritySynced', 'AllWritten', 'AllSynced'] as const;
const COLUMNS = ['LeaderKilled', 'LeaderChanged', 'MinorityDark', 'MostDark', 'AllDark'] as const;
/** The shape in three nodes, and the mode it is of. */
const ROW_WORDS: Readonly<Record<(typeof ROWS)[number], readonly [string, string]>> = {
  Async: ['▁··', 'ASYNC'],
  FewWritten: ['▄··', 'LEADER_ONLY'],
  FewSynced: ['█··', 'LEADER_ONLY'],
  MajorityWritten: ['▄▄·', 'SYNC'],
  MajoritySynced: ['██·', 'SYNC'],
  AllWritten: ['▄▄▄', 'ALL'],
  AllSynced: ['███', 'ALL'],
};
const COLUMN_WORDS = ['leader killed', 'leader changes', 'minority dark', 'majority dark', 'all lose power'];

export class ContractTable {
  private readonly cells = new Map<string, { readonly cell: HTMLElement; readonly word: HTMLElement; readonly says: string }>();

  constructor(place: HTMLElement, store: Store) {
    const head = make('tr', {}, make('th', { scope: 'col' }, 'yes, held as'), ...COLUMN_WORDS.map((words) => make('th', { scope: 'col' }, words)));
    const rows = ROWS.map((row, at) => {
      const [glyph, words] = ROW_WORDS[row];
      return make('tr', {}, make('th', { scope: 'row' }, make('span', { class: 'glyph', 'aria-hidden': 'true' }, glyph), ` ${words}`), ...COLUMNS.map((column, place) => this.cell(row, column, at, place)));
    });
    place.replaceChildren(make('caption', { class: 'unseen' }, 'What an acknowledgement survives'), make('thead', {}, head), make('tbody', {}, ...rows));
    store.watch((state, changed) => {
      if (changed.has('worlds') || changed.has('lane')) this.light(store.world, spanOf(state.lesson));
    });
  }

  private cell(row: string, column: string, at: number, place: number): HTMLElement {
    const says = CONTRACT[at]?.[place] ?? '';
    const survives = says.startsWith('survives');
    const seed = /seed (\d+)/.exec(says)?.[1];
    const word = seed === undefined ? make('span', {}, survives ? 'survives' : 'may lose') : make('a', { href: `#seed=${seed}` }, 'may lose');
    const cell = make('td', { title: says }, word);
    this.cells.set(`${row} ${column}`, { cell, word, says: survives ? 'survives' : 'may lose' });
    return cell;
  }

  private light(world: Told | undefined, spanUs: number): void {
    const counts = new Map<string, { kept: number; lost: number }>();
    for (const { cell, fate } of world === undefined ? [] : writesOf(world, spanUs)) {
      if (cell === undefined) continue;
      const count = counts.get(cell.join(' ')) ?? { kept: 0, lost: 0 };
      counts.set(cell.join(' '), fate === undefined ? count : { ...count, [fate]: count[fate] + 1 });
    }
    for (const [key, { cell, word, says }] of this.cells) {
      const count = counts.get(key);
      const broken = world !== undefined && world.violation !== null;
      setAttribute(cell, 'data-lit', count === undefined ? '' : broken ? 'BROKEN' : count.lost > 0 ? 'LOST' : 'KEPT');
      setText(word, count === undefined ? says : broken ? 'broken' : count.lost > 0 ? `${count.lost} lost` : `${count.kept} kept`);
    }
  }
}
