// The memory store as the conformance suite uses it, and stores that are wrong on purpose.

import type { Adapter, Crash, Rule } from '../conformance/index.js';
import { MemoryDisk, type Survivors } from '../memory.js';
import type { Change, Firmness, Found, Identity, Storage } from '../store.js';

/** What stands between the suite and the disk. */
export type Wrapper = (storage: Storage) => Storage;

/** The memory store, perhaps wrapped. */
export class MemoryAdapter implements Adapter {
  readonly powerCuts = 'EXACT';

  constructor(
    private readonly wrap: Wrapper = (storage) => storage,
    private readonly disk = new MemoryDisk(),
  ) {}

  attach(): Storage {
    return this.wrap(this.disk.attach());
  }

  async crash(crash: Crash): Promise<void> {
    if (crash.kind === 'PROCESS') this.disk.kill();
    else this.disk.cutPower(crash.survivors);
  }
}

/** A store that does what the one inside does. */
class Passing implements Storage {
  constructor(protected readonly inner: Storage) {}

  open(identity: Identity): Promise<Found> {
    return this.inner.open(identity);
  }

  commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    return this.inner.commit(changes, firmness);
  }

  onEnd(): void {
    // Nobody asks in these tests.
  }

  close(): void {
    this.inner.close();
  }
}

/** Writes a vote along with whatever is forced next. */
class ForgetsVotes extends Passing {
  private kept: Change[] = [];

  override async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    const votes = changes.filter(({ kind }) => kind === 'hardState');
    const rest = changes.filter(({ kind }) => kind !== 'hardState');
    if (rest.length > 0) {
      await super.commit([...this.kept, ...rest], firmness);
      this.kept = [];
    }
    this.kept.push(...votes);
  }
}

/** Says of entries that they are synced when they are written. */
class ReportsEarly extends Passing {
  override commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    const vote = changes.some(({ kind }) => kind === 'hardState');
    return super.commit(changes, vote ? firmness : 'written');
  }
}

/** Keeps what need not be forced to itself until something must be. */
class BuffersWrites extends Passing {
  private kept: Change[] = [];

  override async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    this.kept.push(...changes);
    if (firmness === 'written') return;
    await super.commit(this.kept, firmness);
    this.kept = [];
  }
}

/** Does the changes of a commit from the last to the first. */
class Reorders extends Passing {
  override commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    return super.commit([...changes].reverse(), firmness);
  }
}

/** Does the changes of a commit one after the other. */
class Tears extends Passing {
  override async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    if (changes.length === 0) await super.commit(changes, firmness);
    for (const change of changes) await super.commit([change], firmness);
  }
}

/** Forces nothing when there is nothing new. */
class SkipsForces extends Passing {
  override async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    if (changes.length > 0) await super.commit(changes, firmness);
  }
}

/** Never says that there was nothing new. */
class SwallowsForces extends Passing {
  override commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    return changes.length > 0 ? super.commit(changes, firmness) : new Promise(() => undefined);
  }
}

/** Puts another node's snapshot beside the log, as if it were its own. */
class KeepsOldLog extends Passing {
  override commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    const wrong = (change: Change): Change =>
      change.kind === 'install' ? { kind: 'compact', snapshot: { ...change.snapshot } } : change;
    return super.commit(changes.map(wrong), firmness);
  }
}

/** Shows at the start what the operating system has, and does not force it. */
class OpensUnforced extends MemoryDisk {
  protected override recover(): void {
    // As if everything were synced already.
  }
}

/** Has nothing to lose: whatever a power cut is to take is there afterwards. */
class LosesNothing extends MemoryDisk {
  override cutPower(): void {
    super.cutPower('all');
  }
}

/** Takes the one commit, too, that a power cut was to leave. */
class LosesMore extends MemoryDisk {
  override cutPower(survivors: Survivors): void {
    super.cutPower(survivors === 1 ? 'none' : survivors);
  }
}

/** Is another store every time. */
class RenamesItself extends Passing {
  private static serial = 1n;

  override async open(identity: Identity): Promise<Found> {
    const found = await super.open(identity);
    RenamesItself.serial += 1n;
    return { ...found, store: RenamesItself.serial };
  }
}

/** Opens for anybody. */
class KnowsNobody extends Passing {
  override open(): Promise<Found> {
    return super.open({ cluster: 'conformance', node: 1 });
  }
}

/** Takes what was committed for an index, and its log for the end of that. */
class ClampsCommitted extends Passing {
  override async open(identity: Identity): Promise<Found> {
    const found = await super.open(identity);
    const { committed, records } = found;
    const index = Math.min(committed?.index ?? 0, records.at(-1)?.first ?? 0);
    return { ...found, committed: committed && index > 0 ? { ...committed, index } : undefined };
  }
}

/** Keeps the index of what was committed, and forgets to keep its term every other time. */
class MixesCommitted extends Passing {
  private term = 0;

  override commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    const mixed = (change: Change): Change => {
      if (change.kind !== 'committed') return change;
      if (this.term === 0 || change.position.term % 2 === 0) this.term = change.position.term;
      return { ...change, position: { term: this.term, index: change.position.index } };
    };
    return super.commit(changes.map(mixed), firmness);
  }
}

/** Takes an old log for damage. */
class RefusesOldLogs extends Passing {
  override async open(identity: Identity): Promise<Found> {
    const found = await super.open(identity);
    if (found.records.length > 2) throw new Error('the log is damaged');
    return found;
  }
}

const wrapped = (wrap: Wrapper) => (): Adapter => new MemoryAdapter(wrap);

/** Stores that are wrong on purpose, and the rule that each breaks. */
export const FLAWED: readonly { readonly name: string; readonly rule: Rule; readonly make: () => Adapter }[] = [
  { name: 'ForgetsVotes', rule: 'FORGOTTEN_VOTE', make: wrapped((inner) => new ForgetsVotes(inner)) },
  { name: 'ReportsEarly', rule: 'EARLY_COMPLETION', make: wrapped((inner) => new ReportsEarly(inner)) },
  { name: 'BuffersWrites', rule: 'LOST_WRITTEN', make: wrapped((inner) => new BuffersWrites(inner)) },
  { name: 'Reorders', rule: 'ORDER', make: wrapped((inner) => new Reorders(inner)) },
  { name: 'Tears', rule: 'ORDER', make: wrapped((inner) => new Tears(inner)) },
  { name: 'SkipsForces', rule: 'EARLY_COMPLETION', make: wrapped((inner) => new SkipsForces(inner)) },
  { name: 'SwallowsForces', rule: 'UNANSWERED', make: wrapped((inner) => new SwallowsForces(inner)) },
  { name: 'KeepsOldLog', rule: 'ORDER', make: wrapped((inner) => new KeepsOldLog(inner)) },
  { name: 'OpensUnforced', rule: 'LOST_RECOVERED', make: () => new MemoryAdapter(undefined, new OpensUnforced()) },
  { name: 'LosesNothing', rule: 'SURVIVORS', make: () => new MemoryAdapter(undefined, new LosesNothing()) },
  { name: 'LosesMore', rule: 'SURVIVORS', make: () => new MemoryAdapter(undefined, new LosesMore()) },
  { name: 'RenamesItself', rule: 'IDENTITY', make: wrapped((inner) => new RenamesItself(inner)) },
  { name: 'KnowsNobody', rule: 'IDENTITY', make: wrapped((inner) => new KnowsNobody(inner)) },
  { name: 'ClampsCommitted', rule: 'MADE_UP', make: wrapped((inner) => new ClampsCommitted(inner)) },
  { name: 'MixesCommitted', rule: 'MADE_UP', make: wrapped((inner) => new MixesCommitted(inner)) },
  { name: 'RefusesOldLogs', rule: 'REOPEN', make: wrapped((inner) => new RefusesOldLogs(inner)) },
];
