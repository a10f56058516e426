// Lists as they come from the core: rows of numbers behind each other.

/** Each row of so many numbers, read. */
export function rowsOf<T>(numbers: Float64Array, width: number, read: (row: readonly number[]) => T): T[] {
  const rows: T[] = [];
  for (let at = 0; at + width <= numbers.length; at += width) rows.push(read([...numbers.subarray(at, at + width)]));
  return rows;
}
