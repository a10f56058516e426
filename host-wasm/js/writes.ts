// The writes of a node on their way to its store: in order, gathered while a transaction is under
// way, and reported as firmly as they are held.

import type { Change, Committed, Firmness, Storage } from './store.js';

/** Whom to tell what became of one write. */
export interface Report {
  written?(): void;
  synced(): void;
}

/** Whom to tell what became of them together. */
export interface Outcome {
  /** After the reports of one transaction. */
  done(): void;
  failed(error: Error): void;
}

interface Waiting {
  readonly report: Report;
  readonly change: Change | undefined;
  readonly firmness: Firmness;
}

/** The figures rest on so many strict transactions at most, */
const STRICT_KEPT = 256;
/** and on none that is older: a disk that was slow a while ago is slow no longer. */
const STRICT_MS = 60_000;

/** What was told as committed is kept so often at most, with whatever else is written: it spares a start, no more. */
const COMMITTED_MS = 1000;

/** Writes that wait, and the transaction under way. */
export class WriteQueue {
  private queue: Waiting[] = [];
  /** Reported as written, not yet as synced. */
  private unsynced: Report[] = [];
  private state: 'IDLE' | 'BUSY' | 'DROPPED' = 'IDLE';
  /** Told as committed, and not kept yet; and when one was kept last. */
  private committed: Committed | undefined;
  private committedAt = -Infinity;
  /** The last strict transactions: when each was complete, and how many milliseconds it took. */
  private strict: { readonly at: number; readonly ms: number }[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly outcome: Outcome,
  ) {}

  push(change: Change | undefined, firmness: Firmness, report: Report): void {
    this.queue.push({ report, change, firmness });
  }

  /** This was told as committed. It is kept with what is written some time. */
  tell(committed: Committed): void {
    this.committed = committed;
  }

  /** Keeps by itself what was told as committed last, if that is not kept: nothing else may come any more. */
  keep(): void {
    if (this.committed === undefined) return;
    this.committedAt = -Infinity;
    this.push(undefined, 'written', { synced: () => undefined });
  }

  get isIdle(): boolean {
    return this.state === 'IDLE' && this.queue.length === 0;
  }

  /** The slowest in a hundred of the last minute's strict transactions, in milliseconds; 0 where there is none. */
  get strictP99(): number {
    const since = performance.now() - STRICT_MS;
    this.strict = this.strict.filter(({ at }) => at >= since);
    const sorted = this.strict.map(({ ms }) => ms).sort((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  }

  /** Starts a transaction with what waits, unless one is under way. */
  go(): void {
    if (this.state !== 'IDLE' || this.queue.length === 0) return;
    const batch = this.take();
    const firmness = batch[0]?.firmness ?? 'synced';
    const changes = batch.flatMap(({ change }) => (change === undefined ? [] : [change]));
    const began = performance.now();
    if (this.committed !== undefined && began - this.committedAt >= COMMITTED_MS) {
      changes.push({ kind: 'committed', position: this.committed });
      this.committed = undefined;
      this.committedAt = began;
    }
    this.state = 'BUSY';
    this.storage.commit(changes, firmness).then(
      () => {
        if (firmness === 'synced') this.took(began);
        this.held(batch, firmness);
      },
      (error: unknown) => {
        if (this.state !== 'DROPPED') this.outcome.failed(asError(error));
      },
    );
  }

  /** Nothing is reported any more. */
  drop(): void {
    this.state = 'DROPPED';
    this.queue = [];
  }

  /**
   * The next transaction: everything, if a hard state waits, since elections wait for it; else what
   * is to be held alike, so that a write which need not be forced does not wait for one that must.
   * With a hard state all of it is forced: a strict transaction syncs what stands before it anyway, so
   * only what was pushed behind it is held more firmly than asked, which every report may say. A second
   * transaction for those would cost them a wait and win nothing.
   */
  private take(): Waiting[] {
    const first = this.queue[0]?.firmness;
    const vote = this.queue.some(({ change }) => change?.kind === 'hardState');
    const other = vote ? -1 : this.queue.findIndex(({ firmness }) => firmness !== first);
    const taken = this.queue.splice(0, other < 0 ? this.queue.length : other);
    return vote ? taken.map((each) => ({ ...each, firmness: 'synced' })) : taken;
  }

  private took(began: number): void {
    const at = performance.now();
    this.strict.push({ at, ms: at - began });
    if (this.strict.length > STRICT_KEPT) this.strict.shift();
  }

  private held(batch: readonly Waiting[], firmness: Firmness): void {
    if (this.state === 'DROPPED') return;
    this.state = 'IDLE';
    const reports = batch.map(({ report }) => report);
    if (firmness === 'written') {
      for (const report of reports) report.written?.();
      this.unsynced.push(...reports);
    } else {
      const all = [...this.unsynced, ...reports];
      this.unsynced = [];
      for (const report of all) report.synced();
    }
    this.outcome.done();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
