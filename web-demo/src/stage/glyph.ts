// The shape of an entry: one bar a node, its height the depth. The same glyph stands for an entry everywhere.

import { draw } from '../view/dom';

const HEIGHTS: Readonly<Record<string, number>> = { '·': 0.12, '▁': 0.34, '▄': 0.67, '█': 1 };
const NAMES: Readonly<Record<string, string>> = { '·': 'none', '▁': 'accepted', '▄': 'written', '█': 'synced' };

/** Its bars, from this corner on. */
export function bars(shape: string, x: number, y: number, height: number, step = 7): SVGElement[] {
  return [...shape].map((letter, place) => {
    const tall = height * (HEIGHTS[letter] ?? 0);
    return draw('rect', {
      class: `bar bar-${NAMES[letter] ?? 'none'}`, x: (x + place * step).toFixed(1), y: (y + height - tall).toFixed(1), width: String(step - 1.5), height: tall.toFixed(1),
    });
  });
}

/** The same in words. */
export function shapeWords(shape: string): string {
  return [...shape].map((letter, place) => `node ${place + 1} ${NAMES[letter] ?? 'none'}`).join(', ');
}
