// What a store holds, as a value: changes applied one by one. The memory store is two of these; the
// conformance suite compares what it finds with another.

import type { Change, Committed, LogRecord, Snapshot } from './store.js';

/** Hard state, snapshot, records, and how far all was committed. */
export class Contents {
  hardState: Uint8Array | undefined;
  snapshot: Snapshot | undefined;
  committed: Committed | undefined;
  records: LogRecord[] = [];

  /** The same, to go another way. Bytes are shared: nobody changes them. */
  clone(): Contents {
    const other = new Contents();
    other.hardState = this.hardState;
    other.snapshot = this.snapshot;
    other.committed = this.committed;
    other.records = [...this.records];
    return other;
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'hardState':
        this.hardState = change.bytes;
        break;
      case 'record':
        while ((this.records.at(-1)?.first ?? 0) >= change.first) this.records.pop();
        this.records.push({ first: change.first, bytes: change.bytes });
        break;
      case 'committed':
        this.committed = change.position;
        break;
      case 'install':
        this.snapshot = change.snapshot;
        this.records = [];
        break;
      case 'compact':
        this.snapshot = change.snapshot;
        this.records = this.records.slice(firstNeeded(this.records, change.snapshot.last));
        break;
    }
  }
}

/** The place of the first record that may hold an entry behind `last`. */
export function firstNeeded(records: readonly { first: number }[], last: number): number {
  const behind = records.findIndex(({ first }) => first > last + 1);
  const upto = behind < 0 ? records.length : behind;
  // The one before may reach beyond `last`, unless the next begins right behind it.
  const exact = records.findIndex(({ first }) => first === last + 1);
  return exact >= 0 ? exact : Math.max(0, upto - 1);
}
