// What of a node's log the page has not been told yet.

import type { Host, View } from 'kraft-host-wasm';

import { ENTRIES_SHOWN } from '../cluster/log';
import type { Entry, LogNews, Marks } from '../cluster/protocol';

export class LogTeller {
  /** The terms of the newest entries, by index, as they were told. */
  private told: ReadonlyMap<number, number> = new Map();
  private marks: Marks | undefined;

  /** Nothing where all has been told. */
  news(host: Host, view: View): LogNews | undefined {
    const { last, written, synced, commit, applied } = view;
    const marks = { last, written, synced, commit, applied };
    const entries = host.entries(Math.max(1, last - ENTRIES_SHOWN + 1), ENTRIES_SHOWN);
    const fresh = entries.filter(({ index, term }) => this.told.get(index) !== term);
    if (fresh.length === 0 && this.marks !== undefined && same(marks, this.marks)) return undefined;
    this.told = new Map(entries.map(({ index, term }) => [index, term]));
    this.marks = marks;
    return { marks, fresh: fresh.map(({ index, term, kind }): Entry => ({ index, term, kind, text: textOf(host.command(index)) })) };
  }
}

function textOf(command: Uint8Array | undefined): string {
  return command === undefined ? '' : new TextDecoder().decode(command);
}

function same(one: Marks, other: Marks): boolean {
  return (Object.keys(one) as (keyof Marks)[]).every((mark) => one[mark] === other[mark]);
}
