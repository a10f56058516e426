// A node's log as the page has it: its newest entries, and how far they have come.

import type { Entry, LogNews, Marks, Position } from './protocol';

/** So many entries are shown of each node, at most. */
export const ENTRIES_SHOWN = 24;

export class Log {
  entries: readonly Entry[] = [];
  marks: Marks = { last: 0, written: 0, synced: 0, commit: 0, applied: 0 };

  take({ marks, fresh }: LogNews): void {
    this.marks = marks;
    this.replace(Math.min(fresh[0]?.index ?? Infinity, marks.last + 1), fresh);
  }

  /** These are the newest that are left. What they say is known, unless nobody had told it yet. */
  leave(left: readonly Position[]): void {
    const known = new Map(this.entries.map((entry) => [`${entry.term} ${entry.index}`, entry]));
    const from = left[0]?.index ?? 1;
    const kept = left.map(({ term, index }): Entry => known.get(`${term} ${index}`) ?? { term, index, kind: 'COMMAND', text: '' });
    this.replace(from, kept);
    const last = left.at(-1)?.index ?? 0;
    const upto = (mark: number): number => Math.min(mark, last);
    const { commit, applied } = this.marks;
    this.marks = { last, written: last, synced: last, commit: upto(commit), applied: upto(applied) };
  }

  private replace(from: number, entries: readonly Entry[]): void {
    this.entries = [...this.entries.filter(({ index }) => index < from), ...entries].slice(-ENTRIES_SHOWN);
  }
}
