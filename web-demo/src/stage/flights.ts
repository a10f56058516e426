// Messages between nodes, asks and answers between the client and a node; and links that carry nothing.

import { draw, setAttribute } from '../view/dom';
import { between, type Geometry } from './geometry';
import { bars } from './glyph';
import type { Asked, Flight, Snapshot } from './snapshot';

const SHAPES: Readonly<Record<Flight['kind'], string>> = {
  append: 'M-7,-5h14v10h-14z',
  snapshot: 'M-8,-7h16v14h-16z',
  reply: 'M0,-4a4,4 0 1,0 0.01,0z',
  beat: 'M0,-2.5a2.5,2.5 0 1,0 0.01,0z',
  vote: 'M-5,4l5,-9l5,9z',
};
/** A cross, for what does not arrive. */
const CROSS = 'M-5,-5l10,10M5,-5l-10,10';

export class Flights {
  readonly place = draw('g', { class: 'flights' });
  private readonly cuts = draw('path', { class: 'cut' });
  private readonly shapes = new Map<string, SVGGElement>();

  constructor() {
    this.place.append(this.cuts);
  }

  draw(geometry: Geometry, { flights, asked, cut }: Snapshot): void {
    const there = new Set<string>();
    for (const flight of flights) {
      there.add(flight.key);
      this.fly(geometry, flight);
    }
    for (const one of asked) {
      if (one.going === undefined) continue;
      const key = `${one.going.way} ${one.key}`;
      there.add(key);
      this.carry(geometry, one, key);
    }
    for (const [key, shape] of this.shapes) {
      if (there.has(key)) continue;
      shape.remove();
      this.shapes.delete(key);
    }
    const marks = cut.map(([from, to]) => {
      const { x, y } = between(geometry, from - 1, to - 1, 0.5, from < to ? 'OUT' : 'BACK');
      return `M${(x - 4).toFixed(1)},${(y - 4).toFixed(1)}l8,8m0,-8l-8,8`;
    });
    setAttribute(this.cuts, 'd', marks.join(''));
  }

  private fly(geometry: Geometry, { key, from, to, kind, mode, part, lost, pick }: Flight): void {
    const shape = this.shapes.get(key) ?? this.shape(key, draw('path', { d: SHAPES[kind] }), draw('path', { class: 'cross', d: CROSS }), draw('circle', { class: 'reach', r: '13' }));
    setAttribute(shape, 'class', `flight ${kind} mode-${mode}${lost ? ' lost' : ''}`);
    setAttribute(shape, 'data-pick', pick);
    const { x, y } = between(geometry, from - 1, to - 1, part, kind === 'append' || kind === 'beat' || kind === 'vote' ? 'OUT' : 'BACK');
    setAttribute(shape, 'transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  private carry(geometry: Geometry, { shape: held, mode, going, standing }: Asked, key: string): void {
    if (going === undefined) return;
    const isAsk = going.way === 'ASK';
    const shape = this.shapes.get(key) ?? this.shape(key, draw('rect', { x: '-13', y: '-9', width: '26', height: '18', rx: '4' }), ...(isAsk ? [] : bars(held, -10, -7, 14)));
    setAttribute(shape, 'class', `flight ${isAsk ? 'ask' : 'answer'} ${standing.toLowerCase()} mode-${mode}`);
    const { x, y } = isAsk ? between(geometry, -1, going.node - 1, going.part, 'OUT') : between(geometry, going.node - 1, -1, going.part, 'BACK');
    setAttribute(shape, 'transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  private shape(key: string, ...parts: SVGElement[]): SVGGElement {
    const group = draw('g');
    group.append(...parts);
    this.place.append(group);
    this.shapes.set(key, group);
    return group;
  }
}
