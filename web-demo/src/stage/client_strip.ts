// The client at the top of the stage: its newest writes, and whether it was told yes.

import { draw, setAttribute, setText } from '../view/dom';
import type { Geometry } from './geometry';
import { bars } from './glyph';
import { type Asked, SIGNS, type Snapshot } from './snapshot';

const ITEM = 36;

interface Item {
  readonly group: SVGGElement;
  readonly label: SVGElement;
  readonly sign: SVGElement;
  readonly glyph: SVGGElement;
  shape: string;
}

export class ClientStrip {
  readonly place = draw('g', { class: 'strip' });
  private readonly back = draw('rect', { class: 'strip-back', rx: '10' });
  private readonly title = draw('text', { class: 'case-title', x: '0', y: '0' });
  private readonly note = draw('text', { class: 'shelf-note', x: '0', y: '0' });
  private readonly row = draw('g', { class: 'strip-row' });
  private readonly items = new Map<string, Item>();

  constructor() {
    this.title.textContent = 'client';
    this.place.append(this.back, this.title, this.note, this.row);
  }

  draw({ client, names }: Geometry, { asked, empty }: Snapshot): void {
    const left = names === 'BESIDE' ? 0 : client.x + 8;
    for (const [name, value] of Object.entries({ x: client.x + 0.5, y: client.y + 0.5, width: client.width - 1, height: client.height - 1 })) setAttribute(this.back, name, value.toFixed(1));
    setAttribute(this.title, 'x', String(left));
    setAttribute(this.title, 'y', String(names === 'BESIDE' ? client.height / 2 - 2 : 16));
    const isEmpty = asked.length === 0;
    setAttribute(this.note, 'x', String(isEmpty ? client.x + (names === 'BESIDE' ? 14 : 70) : left));
    setAttribute(this.note, 'y', String(isEmpty ? client.height / 2 + 4 : client.height / 2 + 14));
    setText(this.note, isEmpty ? empty : names === 'BESIDE' ? 'what it was told' : '');
    const room = Math.max(1, Math.floor((client.width - (names === 'BESIDE' ? 12 : 62)) / ITEM));
    const shown = asked.slice(-room);
    const there = new Set(shown.map(({ key }) => key));
    for (const [key, { group }] of this.items) {
      if (there.has(key)) continue;
      group.remove();
      this.items.delete(key);
    }
    shown.forEach((one, at) => this.show(one, client.x + client.width - 6 - (shown.length - at) * ITEM, client.height));
  }

  private show(one: Asked, x: number, height: number): void {
    const item = this.items.get(one.key) ?? this.add(one.key, height);
    setAttribute(item.group, 'class', `asked ${one.standing.toLowerCase()} mode-${one.mode}`);
    setAttribute(item.group, 'data-pick', one.pick);
    const transform = `translate(${x.toFixed(1)}px, ${(height / 2 - 26).toFixed(1)}px)`;
    if (item.group.style.transform !== transform) item.group.style.transform = transform;
    setText(item.label, one.label);
    setText(item.sign, SIGNS[one.standing]);
    if (item.shape !== one.shape) {
      item.shape = one.shape;
      const step = one.shape.length > 3 ? 5.5 : 7;
      item.glyph.replaceChildren(...bars(one.shape, 15 - (one.shape.length * step) / 2, 33, 14, step));
    }
  }

  private add(key: string, height: number): Item {
    const group = draw('g');
    const label = draw('text', { class: 'chip-label', x: '15', y: '15' });
    const sign = draw('text', { class: 'sign', x: '15', y: '29' });
    const glyph = draw('g');
    // The sign is within the chip: a lower strip has no room for the bars.
    group.append(draw('rect', { width: '30', height: '31', rx: '5' }), label, sign, ...(height > 60 ? [glyph] : []));
    this.row.append(group);
    const item = { group, label, sign, glyph, shape: '' };
    this.items.set(key, item);
    return item;
  }
}
