// A store in memory whose power can be cut: what a browser's disk does, without one.
//
//   commit ─► system ─(synced)─► disk        the process dies: `system` is still there
//                                            the power goes: `disk`, and a part of the rest

import { IDENTITY, SURVIVORS } from './checks/api.js';
import { holdCommit } from './checks/commit.js';
import { hold } from './checks/rules.js';
import { Contents } from './contents.js';
import type { RewindableStorage } from './power.js';
import { type Change, drawStore, type Firmness, type Found, type Identity, StorageError } from './store.js';

/** What a power cut leaves of the changes that were not synced: how many, from the oldest on. */
export type Survivors = 'none' | 'all' | number;

/** The disk of one node: it outlives the stores that are opened on it. */
export class MemoryDisk {
  /** Certain. */
  private disk = new Contents();
  /** What the operating system shows. */
  private system = new Contents();
  /** Commits that are in `system` and not in `disk`, oldest first. */
  private unsynced: (readonly Change[])[] = [];
  private owner: { store: bigint; identity: Identity } | undefined;
  /** How many lives there were: a store of an earlier one does nothing any more. */
  private life = 0;
  /** Commits that were forced, and that were not. */
  readonly counts = { synced: 0, written: 0 };

  /** A store on this disk. Whoever held it before has lost it. */
  attach(): MemoryStorage {
    this.life += 1;
    return new MemoryStorage(this, this.life);
  }

  /** The process ends; what the operating system was handed lives on. */
  kill(): void {
    this.life += 1;
  }

  /** The power goes. Of what was not synced a part is there, from the oldest on. */
  cutPower(survivors: Survivors = 'none'): void {
    hold(survivors, 'survivors', SURVIVORS, 'no power was cut');
    this.life += 1;
    const all = this.unsynced.length;
    const kept = survivors === 'none' ? 0 : survivors === 'all' ? all : Math.min(survivors, all);
    for (const changes of this.unsynced.slice(0, kept)) {
      for (const change of changes) this.disk.apply(change);
    }
    this.unsynced = [];
    this.system = this.disk.clone();
  }

  /** Everything is gone, as when a browser evicts a site's data. */
  evict(): void {
    this.life += 1;
    this.disk = new Contents();
    this.system = new Contents();
    this.unsynced = [];
    this.owner = undefined;
  }

  /** Commits that a power cut would take now. */
  get atRisk(): number {
    return this.unsynced.length;
  }

  /** @internal */
  isCurrent(life: number): boolean {
    return life === this.life;
  }

  /** @internal */
  open(identity: Identity): Found {
    const age = this.owner === undefined ? 'new' : 'old';
    this.owner ??= { store: drawStore(), identity };
    const { cluster, node } = this.owner.identity;
    if (cluster !== identity.cluster || node !== identity.node) {
      throw new StorageError('foreign', `this store is of node ${node} of cluster ${cluster}`);
    }
    this.recover();
    const { hardState, snapshot, committed, records } = this.system;
    return { store: this.owner.store, age, hardState, snapshot, committed, records: [...records] };
  }

  /** @internal */
  write(changes: readonly Change[], firmness: Firmness): void {
    for (const change of changes) this.system.apply(change);
    this.unsynced.push(changes);
    this.counts[firmness] += 1;
    if (firmness === 'synced') this.sync();
  }

  /** @internal */
  rewind(contents: Contents): void {
    this.system = contents.clone();
    this.sync();
  }

  /** What a life finds is certain before it is told. */
  protected recover(): void {
    this.sync();
  }

  private sync(): void {
    this.disk = this.system.clone();
    this.unsynced = [];
  }
}

/** One life's view of a disk. */
export class MemoryStorage implements RewindableStorage {
  constructor(
    private readonly disk: MemoryDisk,
    private readonly life: number,
  ) {}

  async open(identity: Identity): Promise<Found> {
    hold(identity, 'identity', IDENTITY, 'no store was opened');
    await turn();
    this.check();
    return this.disk.open(identity);
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    holdCommit(changes, firmness);
    await turn();
    this.check();
    this.disk.write(changes, firmness);
  }

  async rewind(contents: Contents): Promise<void> {
    await turn();
    this.check();
    this.disk.rewind(contents);
  }

  onEnd(): void {
    // Nothing ends it but its own disk, which says so at the next call.
  }

  close(): void {
    if (this.disk.isCurrent(this.life)) this.disk.kill();
  }

  private check(): void {
    if (!this.disk.isCurrent(this.life)) {
      throw new StorageError('ended', 'this store was killed, or another was opened on its disk');
    }
  }
}

/** A disk is never done at once: whoever relies on that is found out. */
function turn(): Promise<void> {
  return Promise.resolve();
}
