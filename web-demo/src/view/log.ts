// A node's log on its card: a cell for each of its newest entries.

import type { Cluster } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { keepChildren, make, setAttribute } from './dom';
import { type Cell, cellsOf, GLYPHS, titleOf } from './entries';

const CELL_PX = 25;
const CELLS_MIN = 6;

interface Drawn {
  readonly box: HTMLElement;
  readonly glyph: Text;
  state: Cell['state'] | undefined;
}

export class LogView {
  readonly place: HTMLElement;
  private cells: ReadonlyMap<string, Drawn> = new Map();
  /** How many cells are as wide as the place. */
  private room = CELLS_MIN;

  constructor(
    private readonly cluster: Cluster,
    private readonly member: Member,
  ) {
    this.place = make('ol', { class: 'log', 'aria-label': `log of node ${member.node}` });
    // To ask for its width while drawing would have the page laid out at once.
    new ResizeObserver(([entry]) => {
      this.room = Math.max(CELLS_MIN, Math.floor((entry?.contentRect.width ?? 0) / CELL_PX));
    }).observe(this.place);
  }

  refresh(): void {
    const cells = cellsOf(this.member.log, this.cluster.ledger, this.room);
    this.cells = new Map(cells.map((cell) => {
      const key = `${cell.entry.term} ${cell.entry.index}`;
      const drawn = this.cells.get(key) ?? draw(cell);
      show(drawn, cell);
      return [key, drawn];
    }));
    keepChildren(this.place, [...this.cells.values()].map(({ box }) => box));
  }
}

function draw({ entry: { index, term } }: Cell): Drawn {
  const glyph = document.createTextNode('');
  const box = make('li', { 'data-index': String(index), 'data-term': String(term) }, glyph, make('small', {}, String(index)));
  return { box, glyph, state: undefined };
}

function show(drawn: Drawn, cell: Cell): void {
  if (drawn.state === cell.state) return;
  drawn.state = cell.state;
  drawn.glyph.data = GLYPHS[cell.state].glyph;
  setAttribute(drawn.box, 'data-state', cell.state);
  setAttribute(drawn.box, 'title', titleOf(cell));
}
