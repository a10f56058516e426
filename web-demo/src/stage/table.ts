// The logs, aligned by index: a row a node, a column an index, a bar as high as the entry is deep.
//
// Where an acknowledged write stood that is gone, its ghost stays above the column.

import { make, setAttribute, setText } from '../view/dom';
import type { Case, Chip, Snapshot } from './snapshot';

const COLUMN_PX = 30;
const HEAD_PX = 88;

/** An acknowledged write that is not in the log any more. */
export interface Ghost {
  readonly index: number;
  readonly label: string;
  readonly pick: string;
}

export class LogTable {
  private columns = 20;
  private last: { snapshot: Snapshot; ghosts: readonly Ghost[] } | undefined;
  private built = '';
  private cells: HTMLElement[][] = [];
  private ghostCells: HTMLElement[] = [];
  private heads: HTMLElement[] = [];
  private rowHeads: HTMLElement[] = [];

  constructor(private readonly place: HTMLElement, pick: (what: string) => void) {
    place.addEventListener('click', (event) => {
      const found = (event.target as Element).closest('[data-pick]');
      const what = found?.getAttribute('data-pick') ?? '';
      if (what !== '') pick(what);
    });
    new ResizeObserver(([entry]) => {
      // The table is as wide as its columns: what decides is the room around it.
      this.columns = Math.max(6, Math.floor(((entry?.contentRect.width ?? 0) - HEAD_PX) / COLUMN_PX));
      if (this.last !== undefined) this.draw(this.last.snapshot, this.last.ghosts);
    }).observe(place.parentElement ?? place);
  }

  draw(snapshot: Snapshot, ghosts: readonly Ghost[]): void {
    this.last = { snapshot, ghosts };
    const { cases } = snapshot;
    const shape = `${cases.length} ${this.columns}`;
    if (this.built !== shape) this.build(cases.length, shape);
    const newest = Math.max(this.columns, ...cases.map(({ chips }) => chips.at(-1)?.index ?? 0));
    const first = newest - this.columns + 1;
    this.heads.forEach((head, at) => setText(head, String(first + at)));
    this.ghostCells.forEach((cell, at) => haunt(cell, ghosts.findLast(({ index }) => index === first + at)));
    cases.forEach((one, row) => {
      setText(this.rowHeads[row]!, `node ${one.node}${one.leads ? ' ♛' : ''}`);
      const chips = new Map(one.chips.map((chip) => [chip.index, chip]));
      this.cells[row]!.forEach((cell, at) => show(cell, one, chips.get(first + at), chips.get(first + at - 1)));
    });
  }

  private build(rows: number, shape: string): void {
    this.built = shape;
    const columns = Array.from({ length: this.columns });
    this.heads = columns.map(() => make('th', { scope: 'col' }));
    this.ghostCells = columns.map(() => make('td'));
    this.rowHeads = Array.from({ length: rows }, () => make('th', { scope: 'row' }));
    this.cells = this.rowHeads.map(() => columns.map(() => make('td')));
    this.place.replaceChildren(
      make('caption', { class: 'unseen' }, 'The logs, aligned by index: how deep each node has each entry'),
      make('tr', {}, make('th', { scope: 'row' }, 'index'), ...this.heads),
      make('tr', { class: 'ghosts' }, make('th', { scope: 'row' }, 'lost'), ...this.ghostCells),
      ...this.rowHeads.map((head, row) => make('tr', {}, head, ...this.cells[row]!)),
    );
  }
}

function haunt(cell: HTMLElement, ghost: Ghost | undefined): void {
  setAttribute(cell, 'class', ghost === undefined ? '' : 'ghost');
  setAttribute(cell, 'data-pick', ghost?.pick ?? '');
  setText(cell, ghost?.label ?? '');
}

function show(cell: HTMLElement, { life }: Case, chip: Chip | undefined, before: Chip | undefined): void {
  if (chip === undefined) {
    setAttribute(cell, 'class', 'none');
    setAttribute(cell, 'title', '');
    setAttribute(cell, 'data-pick', '');
    setText(cell, '');
    return;
  }
  const opens = before !== undefined && before.term !== chip.term ? ' opens' : '';
  setAttribute(cell, 'class', `${chip.kind} depth-${chip.depth} ${(chip.standing ?? 'none').toLowerCase()} mode-${chip.mode} life-${life}${opens}`);
  setAttribute(cell, 'title', `${chip.index} of term ${chip.term}: ${chip.depth}`);
  setAttribute(cell, 'data-pick', chip.pick);
  setText(cell, chip.kind === 'own' ? `t${chip.term}` : chip.label);
}
