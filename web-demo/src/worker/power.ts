// A store whose power can be cut: IndexedDB, and which of its records are certain.
//
//   commit ─► database ─► system   what the operating system shows: relaxed transactions too
//                 └─────► disk     what the last strict transaction made certain
//   cut    ─► database := disk     and whoever runs on it is gone
//
// A browser cannot cut real power, so the cut is simulated: it takes from the database what only relaxed
// transactions wrote since the last strict one. Hard state and snapshots are always strict.

import type { Change, Firmness, Found, Identity, LogRecord, Storage, StorageError } from 'kraft-host-wasm';

import type { Gate } from './gate';
import { entriesOf, type Entry } from './record';

export class PowerStorage implements Storage {
  /** How long the disk takes for each commit besides its own time. */
  slowMs = 0;
  /** Milliseconds of strict commits since they were last taken. */
  private forced: number[] = [];
  private system: readonly LogRecord[] = [];
  private disk: readonly LogRecord[] = [];
  private shown: Entry[] = [];
  private arriving: Entry[] = [];
  private flight: Promise<void> = Promise.resolve();
  private state: 'LIVE' | 'DARK' = 'LIVE';

  constructor(
    private readonly inner: Storage,
    private readonly gate: Gate,
  ) {}

  async open(identity: Identity): Promise<Found> {
    const found = await this.inner.open(identity);
    this.show(found.records);
    this.disk = this.system;
    return found;
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    const began = performance.now();
    this.arriving = changes.flatMap((change) => (change.kind === 'record' ? entriesOf(change.bytes) : []));
    if (this.slowMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, this.slowMs));
    await this.gate.pass();
    if (this.state === 'DARK') return never();
    this.flight = this.inner.commit(changes, firmness).then(() => this.took(changes, firmness));
    await this.flight;
    await this.gate.pass();
    if (firmness === 'synced') this.forced.push(performance.now() - began);
    // A node whose power went hears nothing any more.
    return this.state === 'LIVE' ? undefined : never();
  }

  onEnd(handler: (error: StorageError) => void): void {
    this.inner.onEnd(handler);
  }

  close(): void {
    if (this.state === 'LIVE') this.inner.close();
  }

  /** The power goes: the database is what was certain, and is closed. Returns how many entries went. */
  async cut(): Promise<number> {
    this.state = 'DARK';
    await this.flight.catch(() => undefined);
    const before = this.shown.length;
    const changes = wayBack(this.system, this.disk);
    if (changes.length > 0) await this.inner.commit(changes, 'synced');
    this.show(this.disk);
    this.arriving = [];
    this.inner.close();
    return before - this.shown.length;
  }

  /** The newest entries, and those on their way to the disk. */
  newest(count: number): Entry[] {
    const from = this.arriving[0]?.index ?? Infinity;
    return [...this.shown.filter(({ index }) => index < from), ...this.arriving].slice(-count);
  }

  /** How long each strict commit took since this was last asked. */
  takeForced(): number[] {
    return this.forced.splice(0);
  }

  private took(changes: readonly Change[], firmness: Firmness): void {
    for (const change of changes) {
      this.system = changed(this.system, change);
      if (change.kind === 'record') this.append(change.bytes);
      else if (change.kind !== 'hardState') this.show(this.system);
    }
    this.arriving = [];
    if (firmness === 'synced') this.disk = this.system;
  }

  private show(records: readonly LogRecord[]): void {
    this.system = records;
    this.shown = [];
    for (const { bytes } of records) this.append(bytes);
  }

  /** A record's entries, and none of those it takes the place of. */
  private append(record: Uint8Array): void {
    const entries = entriesOf(record);
    const first = entries[0]?.index ?? Infinity;
    while ((this.shown.at(-1)?.index ?? 0) >= first) this.shown.pop();
    this.shown.push(...entries);
  }
}

/** The records after a change, as the database has them. */
export function changed(records: readonly LogRecord[], change: Change): readonly LogRecord[] {
  switch (change.kind) {
    case 'hardState':
      return records;
    case 'record':
      return [...records.filter(({ first }) => first < change.first), { first: change.first, bytes: change.bytes }];
    case 'install':
      return [];
    case 'compact': {
      const needed = records.filter(({ first }) => first <= change.snapshot.last + 1).at(-1)?.first ?? 0;
      return records.filter(({ first }) => first >= needed);
    }
  }
}

/** The changes that lead from what the system shows back to what is certain. */
export function wayBack(system: readonly LogRecord[], disk: readonly LogRecord[]): Change[] {
  let same = 0;
  while (same < disk.length && disk[same]?.bytes === system[same]?.bytes) same += 1;
  if (same === disk.length && same === system.length) return [];
  // Putting a record takes away what stands behind it: the last common one again, if nothing else.
  const from = Math.max(0, same < disk.length ? same : same - 1);
  const changes = disk.slice(from).map(({ first, bytes }): Change => ({ kind: 'record', first, bytes }));
  if (changes.length === 0) throw new Error('a log without any forced record cannot have relaxed ones');
  return changes;
}

/** What a dead node's call comes to. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
