// A node's log on its card: a cell for each of its newest entries.
//
// Cells stay where they are and change what they say: a log that moves on moves no element.

import type { Ledger } from '../client/ledger';
import type { Member } from '../cluster/member';
import { short } from '../live/scene';
import { make, setAttribute } from './dom';
import { type Cell, cellsOf, GLYPHS, titleOf } from './entries';

const CELL_PX = 29;
const CELLS_MIN = 6;

interface Drawn {
  readonly box: HTMLElement;
  readonly glyph: Text;
  readonly number: Text;
  shown: Cell | undefined;
}

export class LogView {
  readonly place: HTMLElement;
  private readonly cells: Drawn[] = [];
  /** How many cells are as wide as the place. */
  private room = CELLS_MIN;

  constructor(
    private readonly ledger: Ledger,
    private readonly member: Member,
  ) {
    this.place = make('ol', { class: 'log', 'aria-label': `log of node ${member.node}` });
    // To ask for its width while drawing would have the page laid out at once.
    new ResizeObserver(([entry]) => {
      this.room = Math.max(CELLS_MIN, Math.floor((entry?.contentRect.width ?? 0) / CELL_PX));
    }).observe(this.place);
  }

  refresh(): void {
    const cells = cellsOf(this.member.log, this.ledger, this.room);
    for (const drawn of this.cells.splice(cells.length)) drawn.box.remove();
    cells.forEach((cell, at) => show(this.cells[at] ?? this.add(), cell));
  }

  private add(): Drawn {
    const [glyph, number] = [document.createTextNode(''), document.createTextNode('')];
    const box = make('li', {}, glyph, make('small', {}, number));
    const drawn = { box, glyph, number, shown: undefined };
    this.cells.push(drawn);
    this.place.append(box);
    return drawn;
  }
}

function show(drawn: Drawn, cell: Cell): void {
  const before = drawn.shown;
  if (before?.entry === cell.entry && before.state === cell.state) return;
  drawn.shown = cell;
  const { entry: { index, term }, state } = cell;
  if (before?.entry.index !== index) {
    drawn.number.data = short(index);
    setAttribute(drawn.box, 'data-index', String(index));
  }
  if (before?.state !== state) {
    drawn.glyph.data = GLYPHS[state].glyph;
    setAttribute(drawn.box, 'data-state', state);
  }
  setAttribute(drawn.box, 'data-term', String(term));
  setAttribute(drawn.box, 'title', titleOf(cell));
}
