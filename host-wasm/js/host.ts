// The drive loop of one node: it owns the timer, the order of writes, and who waits for what.
//
//   channel ─► handleMessage ─┐                ┌─► Send ─► channel
//   timer ───► handleTimeout ─┤  Node ─ pump ──┼─► Write ─► queue ─► one transaction at a time
//   client ──► propose, read ─┘                ├─► Commit ─► state machine
//   store ───► written, synced ◄───────────────┘   answers ─► promises
//
// Run it in a Worker: a hidden tab's timers are held back in pages, and elections with them.

import { Node, OutputKind, Refusal, Start, WriteKind } from '../pkg/host_wasm.js';
import type { Channel, Message } from './channel.js';
import {
  type CommitMode,
  type FateName,
  fateName,
  type FsyncMode,
  fsyncCode,
  type GradeName,
  gradeName,
  type HeldAs,
  heldName,
  modeCode,
  modeName,
  type RoleName,
  roleName,
  type TrustName,
  trustName,
} from './classes.js';
import type { StateMachine } from './machine.js';
import { SNAPSHOT_EVERY, Snapshots } from './snapshots.js';
import type { Change, Storage } from './store.js';
import { WriteQueue } from './writes.js';

/** A node, and what it runs on. */
export interface HostOptions {
  readonly cluster: string;
  readonly node: number;
  /** Who votes when the cluster begins: the same list on every node. */
  readonly voters: readonly number[];
  readonly storage: Storage;
  readonly channel: Channel;
  readonly machine: StateMachine;
  /** The class of a write that names none. Default: SYNC, COMMIT. */
  readonly mode?: CommitMode;
  readonly fsync?: FsyncMode;
  /** Milliseconds. Default: elections after 150 to 300, heartbeats every 50. */
  readonly timing?: { readonly electionMin: number; readonly electionMax: number; readonly heartbeat: number };
  /** A snapshot takes the place of the log after so many entries. Default: 4096. */
  readonly snapshotEvery?: number;
  /** Whenever the role, the term or the leader changes. */
  readonly onRole?: (now: { role: RoleName; term: number; leader: number | undefined }) => void;
  /** When the node ends by itself, with the reason. Nothing is written after that. */
  readonly onEnd?: (reason: Error) => void;
}

/** What a write asks for. */
export interface Asked {
  readonly mode?: CommitMode;
  readonly fsync?: FsyncMode;
  /** Milliseconds until the client wants to be told something. */
  readonly timeout?: number;
  /** For ALL: settle for a majority when the time is up. */
  readonly fallback?: 'REFUSE' | 'TO_MAJORITY';
}

/** What a client is told of its write: never more than was held. */
export interface Answer {
  readonly term: number;
  readonly index: number;
  readonly grade: GradeName;
  readonly mode: CommitMode;
  readonly held: HeldAs;
}

/** Nothing was done, and why. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly why: 'NOT_LEADER' | 'BUSY' | 'INVALID' | 'STOPPED',
    message: string,
    /** Whom to ask instead, where that is known. */
    readonly leader: number | undefined,
  ) {
    super(message);
  }
}

/** A node at one moment. */
export interface View {
  readonly role: RoleName;
  readonly leader: number | undefined;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly last: number;
  readonly written: number;
  readonly synced: number;
  readonly atRisk: number;
  readonly trust: TrustName;
  readonly waiting: readonly string[];
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A node that runs. */
export class Host {
  private readonly answers = new Map<number, Waiter<Answer>>();
  private readonly reads = new Map<number, Waiter<number>[]>();
  private readonly ready: { index: number; waiter: Waiter<number> }[] = [];
  private readonly writes: WriteQueue;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;
  private pumping: 'DUE' | 'NOT_DUE' = 'NOT_DUE';
  private state: 'RUNNING' | 'STOPPING' | 'ENDED' = 'RUNNING';
  private stopped: Waiter<void> | undefined;

  private constructor(
    private readonly core: Node,
    private readonly options: HostOptions,
    private readonly snapshots: Snapshots,
    private applied: number,
    /** The number its store was given when it was made. */
    readonly store: bigint,
  ) {
    const { storage, channel } = options;
    this.writes = new WriteQueue(storage, {
      done: () => this.pump(),
      failed: (error) => this.end(error),
    });
    channel.listen((from, message) => this.hear(from, message));
    storage.onEnd((error) => this.end(error));
  }

  /** Opens the store, recovers the node from it, and runs it. */
  static async start(options: HostOptions): Promise<Host> {
    const { cluster, node, storage, timing } = options;
    const found = await storage.open({ cluster, node });
    const start = new Start(node, found.store, seed());
    for (const voter of options.voters) start.voter(voter, 0n);
    if (timing) start.timing(timing.electionMin * 1e3, timing.electionMax * 1e3, timing.heartbeat * 1e3);
    start.defaultClass(modeCode(options.mode ?? 'SYNC'), fsyncCode(options.fsync ?? 'COMMIT'));
    if (found.hardState) start.hardState(found.hardState);
    if (found.snapshot) {
      start.snapshot(found.snapshot.core);
      options.machine.restore(found.snapshot.state);
    }
    for (const { bytes } of found.records) start.record(bytes);
    const core = start.run(now());
    const snapshots = new Snapshots(core, options.machine, options.snapshotEvery ?? SNAPSHOT_EVERY, found.snapshot);
    const host = new Host(core, options, snapshots, found.snapshot?.last ?? 0, found.store);
    host.pump();
    return host;
  }

  /** Proposes a command; resolves when it is held as asked, or when that is known to be in vain. */
  propose(command: Uint8Array, asked: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      const mode = modeCode(asked.mode ?? this.options.mode ?? 'SYNC');
      const fsync = fsyncCode(asked.fsync ?? this.options.fsync ?? 'COMMIT');
      const deadline = asked.timeout === undefined ? 0 : now() + asked.timeout * 1e3;
      const fallback = asked.fallback === 'TO_MAJORITY' ? 1 : 0;
      const token = this.core.propose(now(), mode, fsync, deadline, fallback, command);
      if (token < 0) return reject(this.refused());
      this.answers.set(token, { resolve, reject });
      this.soon();
    });
  }

  /** A linearizable read: resolves, with the index it sees, when the state machine may be asked. */
  read(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      const ticket = this.core.read(now());
      if (ticket < 0) return reject(this.refused());
      const waiters = this.reads.get(ticket) ?? [];
      this.reads.set(ticket, [...waiters, { resolve, reject }]);
      this.soon();
    });
  }

  /** What became of an entry, as far as this node knows. */
  fate({ term, index }: { term: number; index: number }): FateName {
    return fateName(this.running().fate(term, index));
  }

  /** Starts an election at once. */
  campaign(): void {
    this.running().campaign(now());
    this.pump();
  }

  /** Hands leadership over, to the fittest unless a voter is named. */
  transfer(to = 0): number {
    const target = this.running().transfer(now(), to);
    if (target < 0) throw this.refused();
    this.pump();
    return target;
  }

  /** A node at this moment, for people. */
  view(): View {
    const core = this.running();
    return {
      role: roleName(core.role),
      leader: core.leader || undefined,
      term: core.currentTerm,
      commit: core.commitIndex,
      applied: this.applied,
      last: core.lastIndex,
      written: core.writtenIndex,
      synced: core.syncedIndex,
      atRisk: core.entriesAtRisk,
      trust: trustName(core.trust),
      waiting: core.waiting(),
    };
  }

  /** Stops cleanly: everything is synced, so that the next start trusts this node. */
  stop(): Promise<void> {
    if (this.state !== 'RUNNING') return Promise.resolve();
    this.state = 'STOPPING';
    return new Promise((resolve, reject) => {
      this.stopped = { resolve, reject };
      this.core.stop(now());
      this.pump();
    });
  }

  /** Ends at once, as a crash does. */
  kill(): void {
    this.end(new Error('this node was killed'));
  }

  private hear(from: number, { frame, state }: Message): void {
    if (this.state === 'ENDED') return;
    // What is wrong with a message is the sender's business: it is dropped, as if it were lost.
    if (state === undefined) {
      this.core.handleMessage(now(), from, frame);
    } else {
      const last = this.core.handleSnapshot(now(), from, frame);
      if (last > 0) this.snapshots.expect(last, state);
    }
    this.soon();
  }

  /** Pumps once for everything that comes within this turn: proposals made together share a record. */
  private soon(): void {
    if (this.pumping === 'DUE') return;
    this.pumping = 'DUE';
    void hops(GATHER_HOPS).then(() => {
      this.pumping = 'NOT_DUE';
      this.pump();
    });
  }

  /** Does everything the node asks for, then sees to the timer. */
  private pump(): void {
    if (this.state === 'ENDED') return;
    for (;;) {
      const kind = this.core.poll();
      if (kind === OutputKind.Nothing) break;
      this.act(kind);
      if (this.isEnded()) return;
    }
    while (this.core.pollAnswer()) this.answer();
    if (this.state === 'RUNNING') this.compact();
    this.writes.go();
    if (this.state === 'STOPPING' && this.core.isStopped && this.writes.isIdle) {
      const waiter = this.stopped;
      this.end(stoppedError());
      waiter?.resolve();
      return;
    }
    this.setTimer();
  }

  private act(kind: OutputKind): void {
    const { core } = this;
    switch (kind) {
      case OutputKind.Send:
        this.options.channel.send(core.to, { frame: core.takeBytes() });
        break;
      case OutputKind.Write:
        this.write(core.token);
        break;
      case OutputKind.Commit:
        this.applyThrough(core.index);
        break;
      case OutputKind.Restored:
        this.snapshots.restored(core.index);
        this.applied = core.index;
        break;
      case OutputKind.Snapshot: {
        const { to } = core;
        const message = this.snapshots.message(to, core.index, this.applied);
        if (message !== undefined) this.options.channel.send(to, message);
        break;
      }
      case OutputKind.Read:
        this.readEnds(core.token, core.index);
        break;
      case OutputKind.Role:
        this.options.onRole?.({ role: roleName(core.role), term: core.currentTerm, leader: core.leader || undefined });
        break;
      case OutputKind.Superseded:
        this.end(new Error('a newer life of this store runs elsewhere'));
        break;
      case OutputKind.Ack:
      case OutputKind.Settled:
      case OutputKind.Nothing:
        // Clients hear of these through their answers.
        break;
    }
  }

  private write(token: number): void {
    this.writes.push(this.change(), this.core.mustForce ? 'synced' : 'written', {
      written: () => this.core.written(now(), token),
      synced: () => this.core.synced(now(), token),
    });
  }

  /** Stores a snapshot in place of the log, when it is time. */
  private compact(): void {
    const snapshot = this.snapshots.due(this.applied);
    if (snapshot === undefined) return;
    this.writes.push({ kind: 'compact', snapshot }, 'synced', { synced: () => this.snapshots.stored(snapshot) });
  }

  /** What the store is to change. */
  private change(): Change | undefined {
    const { core } = this;
    switch (core.writeKind) {
      case WriteKind.HardState:
        return { kind: 'hardState', bytes: core.takeBytes() };
      case WriteKind.Record:
        return { kind: 'record', first: core.index, bytes: core.takeBytes() };
      case WriteKind.Install:
        return { kind: 'install', snapshot: this.snapshots.install(core.index, core.takeBytes()) };
      case WriteKind.Force:
        return undefined;
    }
  }

  private applyThrough(upto: number): void {
    while (this.applied < upto) {
      this.applied += 1;
      const command = this.core.command(this.applied);
      if (command !== undefined) this.options.machine.apply(command, this.applied);
    }
    while (this.ready[0] !== undefined && this.ready[0].index <= this.applied) {
      const { index, waiter } = this.ready.shift() as { index: number; waiter: Waiter<number> };
      waiter.resolve(index);
    }
  }

  private readEnds(ticket: number, index: number): void {
    const waiters = this.reads.get(ticket) ?? [];
    this.reads.delete(ticket);
    for (const waiter of waiters) {
      if (index === 0) {
        waiter.reject(new Refused('BUSY', 'the read cannot be served any more: ask again', undefined));
      } else if (index <= this.applied) {
        waiter.resolve(index);
      } else {
        this.ready.push({ index, waiter });
        this.ready.sort((one, other) => one.index - other.index);
      }
    }
  }

  private answer(): void {
    const { core } = this;
    const waiter = this.answers.get(core.answerToken);
    this.answers.delete(core.answerToken);
    waiter?.resolve({
      term: core.answerTerm,
      index: core.answerIndex,
      grade: gradeName(core.answerGrade),
      mode: modeName(core.answerMode),
      held: heldName(core.answerHeld),
    });
  }

  private setTimer(): void {
    const at = this.core.pollTimeout();
    if (this.timer !== undefined && this.timerAt <= at) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    const delay = Math.min(Math.max(0, Math.ceil((at - now()) / 1e3)), 2 ** 31 - 1);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.core.handleTimeout(now());
      this.pump();
    }, delay);
  }

  /** The core, if it is still there. */
  private running(): Node {
    if (this.state === 'ENDED') throw stoppedError();
    return this.core;
  }

  private isEnded(): boolean {
    return this.state === 'ENDED';
  }

  private end(reason: Error): void {
    if (this.state === 'ENDED') return;
    this.state = 'ENDED';
    clearTimeout(this.timer);
    this.writes.drop();
    this.options.channel.close();
    this.options.storage.close();
    const waiters = [...this.answers.values(), ...[...this.reads.values()].flat(), ...this.ready.map((each) => each.waiter)];
    for (const waiter of waiters) waiter.reject(reason);
    this.core.free();
    this.options.onEnd?.(reason);
  }

  private refused(): Refused {
    const why = { [Refusal.Nothing]: 'BUSY', [Refusal.NotLeader]: 'NOT_LEADER', [Refusal.Busy]: 'BUSY', [Refusal.Invalid]: 'INVALID', [Refusal.Stopped]: 'STOPPED' } as const;
    return new Refused(why[this.core.refusal], this.core.refusalText, this.core.hint || undefined);
  }
}

/** A client that has its answer and writes again gets there within so many microtasks. */
const GATHER_HOPS = 4;

async function hops(count: number): Promise<void> {
  for (let hop = 0; hop < count; hop++) await undefined;
}

function stoppedError(): Refused {
  return new Refused('STOPPED', 'this node has been stopped', undefined);
}

/** Microseconds on a clock that never goes back. */
function now(): number {
  return performance.now() * 1e3;
}

/** Its own for every start: election timeouts must differ between nodes. */
function seed(): bigint {
  const [word] = crypto.getRandomValues(new BigUint64Array(1));
  return word ?? 1n;
}
