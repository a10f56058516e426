// A store whose power can be cut, over one whose power cannot: a browser's database.
//
//   commit ─► inner ─► system   what the operating system shows: relaxed transactions too
//               └────► disk     what the last strict transaction made certain
//   cut    ─► inner := disk, and of the rest the older part
//
// The cut is simulated. No page can cut real power, and a database that was rewound proves nothing of
// the disk below: what strict means there is the browser's word. What it shows is what kraft does when
// everything that was not forced is gone.

import { REWINDABLE, SURVIVORS } from './checks/api.js';
import { holdCommit } from './checks/commit.js';
import { hold } from './checks/rules.js';
import { Contents } from './contents.js';
import type { Survivors } from './memory.js';
import { type Change, type Firmness, type Found, type Identity, type LogRecord, type Storage, StorageError } from './store.js';

/** A store whose contents can be put back to what they were. */
export interface RewindableStorage extends Storage {
  rewind(contents: Contents): Promise<void>;
}

/** What a power cut did. */
export interface PowerCut {
  /** How many commits are gone. */
  readonly commits: number;
  /** The log that is left, and the records that were there and are not any more. */
  readonly left: readonly LogRecord[];
  readonly taken: readonly LogRecord[];
}

/** One life of a store, until its power is cut. */
export class PowerStorage implements Storage {
  /** Certain. */
  private disk = new Contents();
  /** Commits that are not certain, oldest first; the last may be under way. */
  private unsynced: (readonly Change[])[] = [];
  private flight: Promise<unknown> = Promise.resolve();
  private state: 'LIVE' | 'DARK' = 'LIVE';
  private ended: ((error: StorageError) => void) | undefined;

  constructor(private readonly inner: RewindableStorage) {
    hold(inner, 'inner', REWINDABLE, 'there is no such store');
  }

  async open(identity: Identity): Promise<Found> {
    const opening = this.inner.open(identity);
    this.flight = opening;
    const found = await opening;
    this.disk.hardState = found.hardState;
    this.disk.snapshot = found.snapshot;
    this.disk.committed = found.committed;
    for (const { first, bytes } of found.records) this.disk.apply({ kind: 'record', first, bytes });
    this.check();
    return found;
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    holdCommit(changes, firmness);
    this.check();
    this.unsynced.push(changes);
    const flight = this.inner.commit(changes, firmness).catch((error: unknown) => {
      this.unsynced.pop();
      throw error;
    });
    this.flight = flight;
    await flight;
    // What completes while the power goes was reported to nobody.
    this.check();
    if (firmness === 'synced') this.settle(this.unsynced.length);
  }

  onEnd(handler: (error: StorageError) => void): void {
    this.ended = handler;
    this.inner.onEnd(handler);
  }

  close(): void {
    if (this.state === 'LIVE') this.inner.close();
  }

  /** Commits that a power cut would take now. */
  get atRisk(): number {
    return this.unsynced.length;
  }

  /** The power goes: the node on this store ends, and the database is what was certain, and closed. */
  async cut(survivors: Survivors = 'none'): Promise<PowerCut> {
    hold(survivors, 'survivors', SURVIVORS, 'no power was cut');
    this.check();
    this.state = 'DARK';
    this.ended?.(new StorageError('ended', 'the power was cut'));
    // A transaction that is under way is let end, so that taking it back comes behind it.
    await this.flight.catch(() => undefined);
    const system = this.disk.clone();
    for (const change of this.unsynced.flat()) system.apply(change);
    const all = this.unsynced.length;
    const kept = survivors === 'none' ? 0 : survivors === 'all' ? all : Math.min(survivors, all);
    this.settle(kept);
    await this.inner.rewind(this.disk);
    this.inner.close();
    const left = new Set(this.disk.records.map(({ bytes }) => bytes));
    const taken = system.records.filter(({ bytes }) => !left.has(bytes));
    return { commits: all - kept, left: this.disk.records, taken };
  }

  /** The oldest of what was not certain is now. */
  private settle(count: number): void {
    for (const change of this.unsynced.splice(0, count).flat()) this.disk.apply(change);
  }

  private check(): void {
    if (this.state === 'DARK') throw new StorageError('ended', 'the power was cut');
  }
}
