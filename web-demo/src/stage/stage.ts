// The stage: every node a case with three shelves, every entry a chip that sinks, the client above.
//
// Elements stay and change what they say. Chips move by CSS, so that a moment is drawn once and the browser eases.
// What moves in every frame has a drawing of its own: what stands still is not laid out and painted again.

import { draw, setAttribute, setText } from '../view/dom';
import { ClientStrip } from './client_strip';
import { Flights } from './flights';
import { type Geometry, geometryOf } from './geometry';
import type { Case, Chip, Depth, Snapshot } from './snapshot';

const SHELVES: readonly { readonly depth: Depth; readonly place: string }[] = [
  { depth: 'accepted', place: 'memory' },
  { depth: 'written', place: 'system' },
  { depth: 'synced', place: 'disk' },
];
const NOTES = ['a kill empties it', 'a power cut empties it', 'stays'];
const LEVEL: Readonly<Record<Depth, number>> = { none: 0, accepted: 0, written: 1, synced: 2 };
/** How long what is gone is still seen to go. */
const GOING_MS = 700;

interface Drawn {
  readonly group: SVGGElement;
  readonly back: SVGElement;
  readonly title: SVGElement;
  readonly more: SVGElement;
  readonly window: SVGGElement;
  readonly chips: Map<string, { readonly group: SVGGElement; readonly text: SVGElement }>;
}

export class StageView {
  private geometry: Geometry | undefined;
  private drawn: readonly Drawn[] = [];
  private readonly cases = draw('g', { class: 'cases' });
  private readonly names = draw('g', { class: 'shelf-names' });
  private readonly flights: Flights;
  private readonly strip: ClientStrip;
  private last: Snapshot | undefined;
  private size = { width: 0, height: 0 };
  private readonly still = draw('svg', { class: 'still' });
  private readonly moving = draw('svg', { class: 'moving' });

  constructor(private readonly place: HTMLElement, pick: (what: string) => void) {
    this.flights = new Flights();
    this.strip = new ClientStrip();
    this.still.append(this.names, this.cases, this.strip.place);
    this.moving.append(this.flights.place);
    place.replaceChildren(this.still, this.moving);
    place.addEventListener('click', (event) => {
      const found = (event.target as Element).closest('[data-pick]');
      if (found !== null) pick(found.getAttribute('data-pick') ?? '');
    });
    new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      this.size = { width, height };
      this.geometry = undefined;
      if (this.last !== undefined) this.draw(this.last, 'STILL');
    }).observe(place);
  }

  /** Draws a moment. `EASED` lets chips sink; `STILL` sets them where they are. */
  draw(snapshot: Snapshot, how: 'EASED' | 'STILL'): void {
    this.last = snapshot;
    if (this.size.width < 10) return;
    if (this.geometry?.cases.length !== snapshot.cases.length) this.build(snapshot.cases.length);
    const { geometry } = this;
    if (geometry === undefined) return;
    setAttribute(this.place, 'data-how', how);
    const newest = Math.max(geometry.columns, ...snapshot.cases.map(({ chips }) => chips.at(-1)?.index ?? 0));
    snapshot.cases.forEach((one, place) => this.drawCase(geometry, one, this.drawn[place]!, geometry.cases[place]!, newest, how));
    this.flights.draw(geometry, snapshot);
    this.strip.draw(geometry, snapshot);
  }

  /** Draws what moves in every frame, and nothing else. */
  fly(snapshot: Snapshot): void {
    if (this.geometry !== undefined) this.flights.draw(this.geometry, snapshot);
  }

  private build(count: number): void {
    const { width, height } = this.size;
    const geometry = geometryOf(width, height, count);
    this.geometry = geometry;
    for (const drawing of [this.still, this.moving]) setAttribute(drawing, 'viewBox', `0 0 ${width} ${height}`);
    const shelfY = (level: number): number => geometry.cases[0]!.y + geometry.head + level * geometry.shelf;
    this.names.replaceChildren(
      ...(geometry.names === 'BESIDE'
        ? SHELVES.flatMap(({ place }, level) => [
            text('shelf-name', 0, shelfY(level) + geometry.shelf / 2 - 2, place, SHELVES[level]!.depth),
            text('shelf-note', 0, shelfY(level) + geometry.shelf / 2 + 14, NOTES[level]!),
          ])
        : []),
    );
    this.drawn = geometry.cases.map(({ x, y, width, height }, place) => {
      const group = draw('g', { class: 'case', 'data-pick': `node ${place + 1}` });
      const back = draw('rect', { class: 'case-back', x: String(x), y: String(y), width: String(width), height: String(height), rx: '10' });
      const shelves = SHELVES.map(({ depth }, level) =>
        draw('rect', { class: `shelf shelf-${depth}`, x: String(x + 4), y: String(shelfY(level) + 2), width: String(width - 8), height: String(geometry.shelf - 5), rx: '6' }),
      );
      const within = geometry.names === 'WITHIN' ? SHELVES.map(({ place }, level) => text('shelf-name', x + 9, shelfY(level) + 13, place)) : [];
      const title = text('case-title', x + 10, y + geometry.head - 8, '');
      const more = text('case-more', x + 10, shelfY(2) + (geometry.names === 'WITHIN' ? 24 : 15), '');
      const clip = draw('clipPath', { id: `case-${place}` });
      clip.append(draw('rect', { x: String(x + 4), y: String(y), width: String(width - 8), height: String(height) }));
      const clipped = draw('g', { 'clip-path': `url(#case-${place})` });
      const window = draw('g', { class: 'window' });
      clipped.append(window);
      group.append(clip, back, ...shelves, ...within, title, more, clipped);
      return { group, back, title, more, window, chips: new Map() };
    });
    this.cases.replaceChildren(...this.drawn.map(({ group }) => group));
  }

  private drawCase(geometry: Geometry, one: Case, drawn: Drawn, box: Geometry['cases'][number], newest: number, how: 'EASED' | 'STILL'): void {
    setAttribute(drawn.group, 'class', `case life-${one.life}${one.leads ? ' leads' : ''}`);
    const suspect = one.suspect && geometry.cases.length < 5 && geometry.names === 'BESIDE' ? ' · suspect' : '';
    const says = geometry.names === 'WITHIN' ? one.says.replace(/,? term \d+$/, '') : one.says;
    setText(drawn.title, `${one.leads ? '♛ ' : ''}${one.node} ${says}${suspect}`);
    const first = newest - geometry.columns + 1;
    const hidden = one.chips.filter(({ index, depth }) => index < first && depth === 'synced').length + one.more;
    setText(drawn.more, hidden > 0 ? `${hidden} before` : '');
    const offset = box.x + box.width - 6 - (newest + 1) * geometry.column;
    drawn.window.style.transform = `translateX(${offset.toFixed(1)}px)`;
    const there = new Set<string>();
    for (const chip of one.chips) {
      if (chip.index < first - 1) continue;
      const key = `${chip.term} ${chip.index}`;
      there.add(key);
      this.drawChip(geometry, chip, drawn, box);
    }
    for (const [key, { group }] of drawn.chips) {
      if (there.has(key)) continue;
      drawn.chips.delete(key);
      // What slides out of the window is not gone.
      const index = Number(key.split(' ')[1]);
      if (how === 'STILL' || index < first) group.remove();
      else {
        group.classList.add('going');
        setTimeout(() => group.remove(), GOING_MS);
      }
    }
  }

  private drawChip(geometry: Geometry, chip: Chip, drawn: Drawn, box: Geometry['cases'][number]): void {
    const key = `${chip.term} ${chip.index}`;
    let known = drawn.chips.get(key);
    const [wide, tall] = [geometry.column - 3, Math.min(24, geometry.shelf - 11)];
    if (known === undefined) {
      const group = draw('g');
      const label = text('chip-label', wide / 2, tall / 2 + 4, '');
      group.append(draw('rect', { width: String(wide), height: String(tall), rx: '4' }), label);
      drawn.window.append(group);
      known = { group, text: label };
      drawn.chips.set(key, known);
    }
    const { group } = known;
    setText(known.text, chip.label);
    setAttribute(group, 'class', `chip ${chip.kind} ${(chip.standing ?? 'none').toLowerCase()} mode-${chip.mode}`);
    setAttribute(group, 'data-pick', chip.pick);
    const y = box.y + geometry.head + LEVEL[chip.depth] * geometry.shelf + geometry.shelf - tall - 6;
    const transform = `translate(${(chip.index * geometry.column).toFixed(1)}px, ${y.toFixed(1)}px)`;
    if (group.style.transform !== transform) group.style.transform = transform;
  }
}

function text(name: string, x: number, y: number, says: string, word?: string): SVGElement {
  const made = draw('text', { class: name, x: x.toFixed(1), y: y.toFixed(1), ...(word !== undefined && { 'data-pick': `word ${word}` }) });
  made.textContent = says;
  return made;
}
