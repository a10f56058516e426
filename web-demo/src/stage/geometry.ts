// Where things are on the stage: the client above, a case a node below, three shelves in each.

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Geometry {
  readonly width: number;
  readonly height: number;
  readonly client: Box;
  readonly cases: readonly Box[];
  /** The height of a case's head, and of each shelf. */
  readonly head: number;
  readonly shelf: number;
  /** One column of a case: an index of the log. */
  readonly column: number;
  /** How many columns a case has. */
  readonly columns: number;
  /** Where shelves are named: beside the cases, or within each. */
  readonly names: 'BESIDE' | 'WITHIN';
}

const NAMES_PX = 146;

export function geometryOf(width: number, height: number, count: number): Geometry {
  const names = width >= 620 ? 'BESIDE' : 'WITHIN';
  const left = names === 'BESIDE' ? NAMES_PX : 0;
  const [gap, column] = names === 'BESIDE' ? [20, count > 3 ? 22 : 26] : [6, 22];
  const client = { x: left, y: 0, width: width - left, height: height < 280 ? 54 : 72 };
  const between = height < 280 ? 34 : 52;
  const top = client.height + between;
  const each = (width - left - gap * (count - 1)) / count;
  const head = height < 280 ? 20 : 26;
  const box = (place: number): Box => ({ x: left + place * (each + gap), y: top, width: each, height: height - top - 2 });
  const shelf = Math.max(20, (height - top - 2 - head) / 3);
  return {
    width, height, client, head, shelf, column, names,
    cases: Array.from({ length: count }, (_, place) => box(place)),
    columns: Math.max(2, Math.floor((each - 12) / column)),
  };
}

/** A point between the tops of two cases, or of the client and a case. */
export function between({ cases, client }: Geometry, from: number, to: number, part: number, way: 'OUT' | 'BACK'): { x: number; y: number } {
  const at = (place: number): { x: number; y: number } => {
    const box = cases[place];
    if (box === undefined) return { x: client.x + client.width / 2, y: client.height };
    return { x: box.x + box.width / 2 + (way === 'OUT' ? 7 : -7), y: box.y };
  };
  const [a, b] = [at(from), at(to)];
  const isClient = from < 0 || to < 0;
  const bow = isClient ? 0 : 14 + 17 * Math.abs(to - from);
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - bow * 1.5 };
  const rest = 1 - part;
  const mix = (one: number, two: number, three: number): number => rest * rest * one + 2 * rest * part * two + part * part * three;
  return { x: mix(a.x, middle.x, b.x), y: mix(a.y, middle.y, b.y) };
}
