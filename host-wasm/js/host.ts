// The drive loop of one node: it owns the timer, the order of writes, and who waits for what.
//
//   channel ─► handleMessage ─┐                ┌─► Send ─► channel
//   timer ───► handleTimeout ─┤  Node ─ pump ──┼─► Write ─► queue ─► one transaction at a time
//   client ──► propose, read ─┘                ├─► Commit ─► state machine
//   store ───► written, synced ◄───────────────┘   answers ─► promises
//
// Run it in a Worker: a hidden tab's timers are held back in pages, and elections with them.

import { MessageKind, type Node, OutputKind, WriteKind } from '../pkg/host_wasm.js';
import type { About, Message } from './channel.js';
import * as must from './checks/api.js';
import { hold, maybe } from './checks/rules.js';
import {
  type Class,
  type CommitMode,
  type FateName,
  fateName,
  fsyncCode,
  fsyncName,
  messageKindName,
  modeCode,
  modeName,
  refusalName,
  roleName,
  standingName,
} from './classes.js';
import { type Answer, type Asked, type AwaitAsked, Clients, type Position, type ReadAsked, type Waiter } from './clients.js';
import { needCore } from './core.js';
import type { Durability } from './durability.js';
import { byChannel, byListener, byMachine } from './foreign.js';
import { beginLife, type Life } from './life.js';
import { changeNumbers, type MemberChange } from './members.js';
import { checkOptions, durabilityOf, type HostOptions, random, startOf } from './options.js';
import { Refused } from './refused.js';
import { SNAPSHOT_EVERY, Snapshots } from './snapshots.js';
import type { Change, Found } from './store.js';
import { letGo, take } from './taken.js';
import { afterHops, Alarm, Gathered, nextTurn, now } from './turn.js';
import { type LogEntry, logOf, membersOf, type View, viewOf } from './view.js';
import { WriteQueue } from './writes.js';
import { type Zone, Zones } from './zones.js';

/** A node that runs. */
export class Host {
  private readonly clients = new Clients();
  private readonly writes: WriteQueue;
  private readonly alarm: Alarm;
  /** Pumps once for everything that clients ask within this turn: proposals made together share a record. */
  private readonly asked = new Gathered(nextTurn, () => this.pump());
  /** Pumps once for messages that come together; sooner, since a peer waits for each. */
  private readonly heard = new Gathered((work) => void afterHops(GATHER_HOPS, work), () => this.pump());
  private state: 'RUNNING' | 'STOPPING' | 'ENDED' = 'RUNNING';
  private stopped: Waiter<void> | undefined;
  private zones: Zones;

  private constructor(
    private readonly core: Node,
    private readonly options: HostOptions,
    private readonly snapshots: Snapshots,
    private applied: number,
    private readonly lifeHeld: Life | undefined,
    /** The number its store was given when it was made. */
    readonly store: bigint,
    /** Every durability option it runs with. */
    readonly durability: Durability,
  ) {
    const { storage, channel } = options;
    this.zones = new Zones(options.zones ?? []);
    this.writes = new WriteQueue(storage, {
      done: () => this.pump(),
      failed: (error) => this.end(error),
    });
    this.alarm = new Alarm(() => {
      this.core.handleTimeout(now());
      this.pump();
    });
    channel.listen((from, message) => this.hear(from, message));
    storage.onEnd((error) => this.end(error));
  }

  /**
   * Opens the store, recovers the node from it, and runs it. The store and the channel are the node's from now on: a
   * start that fails closes both. Options that make no sense are refused before anything is touched.
   */
  static async start(options: HostOptions): Promise<Host> {
    checkOptions(options);
    needCore('no node was started');
    const { storage, cluster, node } = options;
    take(options);
    let life: Life | undefined;
    try {
      const found = await storage.open({ cluster, node });
      hold(found, 'what open() of the store returned', must.FOUND, 'no node was started');
      life = await beginLife(cluster, node);
      return Host.recovered(options, found, life);
    } catch (error) {
      life?.end();
      letGo(options);
      throw error;
    }
  }

  private static recovered(options: HostOptions, found: Found, life: Life | undefined): Host {
    const durability = durabilityOf(options);
    const start = startOf(options, found.store, durability);
    if (found.hardState) start.hardState(found.hardState);
    if (found.snapshot) {
      start.snapshot(found.snapshot.core);
      const { state } = found.snapshot;
      byMachine('restore()', () => options.machine.restore(state));
    }
    if (found.committed) start.committed(found.committed.term, found.committed.index);
    for (const { bytes } of found.records) start.record(bytes);
    const core = start.run(now(), random());
    const snapshots = new Snapshots(core, options.machine, options.snapshotEvery ?? SNAPSHOT_EVERY, found.snapshot);
    const host = new Host(core, options, snapshots, found.snapshot?.last ?? 0, life, found.store, durability);
    host.pump();
    return host;
  }

  /** Which node this is. */
  get node(): number {
    return this.options.node;
  }

  /** The name of this life of it, for `whenEnded` elsewhere; nothing where there are no web locks. */
  get life(): string | undefined {
    return this.lifeHeld?.name;
  }

  /**
   * Proposes a command; resolves when it is held as asked, or when that is known to be in vain, or when the node ends:
   * then as `UNKNOWN`, and other nodes know its fate. Where it rejects with `Refused`, nothing was written.
   */
  propose(command: Uint8Array, asked: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      hold(command, 'command', must.COMMAND, UNWRITTEN);
      const { mode, fsync } = this.classOf(asked);
      const fallback = (asked.fallback ?? this.durability.fallback) === 'TO_MAJORITY' ? 1 : 0;
      const token = this.core.propose(now(), modeCode(mode), fsyncCode(fsync), deadlineOf(asked.timeout), fallback, command);
      this.awaitWrite(token, mode, { resolve, reject });
    });
  }

  /** Has a client wait for the write that the core has just taken, if it has. */
  private awaitWrite(token: number, mode: CommitMode, waiter: Waiter<Answer>): void {
    if (token < 0) return waiter.reject(this.refused());
    const { term, index } = this.core;
    this.clients.awaitWrite(token, { ...waiter, wrote: { term, index, mode } });
    this.asked.ask();
  }

  /** The class that a write gets which asks so: its own, else its key's zone's, else the default. Throws `Refused`. */
  classOf(asked: Asked): Class {
    hold(asked, 'asked', must.ASKED, UNWRITTEN);
    const { mode, fsync } = asked;
    if (mode !== undefined && fsync !== undefined && this.zones.listed.length === 0) return { mode, fsync };
    return this.zones.resolve(asked, asked.key, this.durability, membersOf(this.running()).voters.length);
  }

  /** Puts other zones in place, for the writes from now on. Throws where one makes no sense. */
  setZones(zones: readonly Zone[]): void {
    this.zones = new Zones(zones);
  }

  /**
   * Changes the members, on the leader: one by itself, or several together, which then need both majorities until
   * the leader has proposed to leave the old ones behind. Resolves when the new configuration is committed.
   */
  changeMembers(changes: readonly MemberChange[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      hold(changes, 'changes', must.CHANGES, 'no member was changed');
      const numbers = changeNumbers(changes);
      const token = this.core.changeMembers(now(), numbers.changes, numbers.stores);
      this.awaitWrite(token, 'SYNC', { resolve, reject });
    });
  }

  /**
   * A linearizable read: resolves, with the index it sees, when the state machine may be asked. It sees every write
   * acknowledged as SYNC or stronger before, and the write `after` which it is asked, whatever its class: `LOST` and
   * `NO_SUCH_ENTRY` where that cannot be. A node that has forgotten the history there (`fate` is `UNKNOWN`) cannot
   * tell: it serves the read, which sees all that is committed.
   */
  read(asked: ReadAsked = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      hold(asked, 'asked', must.READ_ASKED, 'nothing was read');
      const { after } = asked;
      const ticket = this.core.read(now(), after?.term ?? 0, after?.index ?? 0);
      if (ticket < 0) return reject(this.refused());
      const sees = after === undefined ? resolve : (index: number) => this.sees(after, index, { resolve, reject });
      this.clients.awaitRead(ticket, { resolve: sees, reject });
      this.asked.ask();
    });
  }

  /**
   * Awaits more for a write than its answer said: resolves when the entry is on the disks of a majority, or when that
   * is known to be in vain. On any node, at any time, whatever the write was acknowledged as.
   */
  awaitCommit(of: Position, asked: AwaitAsked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'RUNNING') return reject(stoppedError());
      hold(of, 'of', must.POSITION, 'nothing is awaited');
      hold(asked, 'asked', must.AWAIT_ASKED, 'nothing is awaited');
      const token = this.core.awaitCommit(now(), of.term, of.index, deadlineOf(asked.timeout));
      if (token < 0) return reject(this.refused());
      this.clients.awaitWrite(token, { resolve, reject });
      this.asked.ask();
    });
  }

  /** What became of an entry, as far as this node knows. */
  fate(of: Position): FateName {
    hold(of, 'of', must.POSITION, 'no fate was looked up');
    return fateName(this.running().fate(of.term, of.index));
  }

  /** Starts an election at once. */
  campaign(): void {
    this.running().campaign(now());
    this.pump();
  }

  /** Hands leadership over, to the fittest unless a voter is named. */
  transfer(to?: number): number {
    hold(to, 'to', maybe(must.NODE), 'leadership stays where it is');
    const target = this.running().transfer(now(), to ?? 0);
    if (target < 0) throw this.refused();
    this.pump();
    return target;
  }

  /** A node at this moment, for people. */
  view(): View {
    return viewOf(this.running(), now(), this.applied, this.writes.strictP99, this.options.alerts ?? {});
  }

  /** Its log from an entry on: what each is, and how far it has come. */
  entries(from = 1, limit = 1024): LogEntry[] {
    hold(from, 'from', must.INDEX, 'no entry was looked up');
    hold(limit, 'limit', must.LIMIT, 'no entry was looked up');
    return logOf(this.running(), from, limit, this.applied);
  }

  /** The bytes of a command in its log; nothing for entries that are the protocol's own, or gone. */
  command(index: number): Uint8Array | undefined {
    hold(index, 'index', must.INDEX, 'no command was looked up');
    return this.running().command(index);
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
    hold(from, 'from', must.NODE, 'no message was heard');
    // What is wrong with a message is the sender's business: it is dropped, as if it were lost.
    if (state === undefined) {
      this.core.handleMessage(now(), from, frame);
    } else {
      const last = this.core.handleSnapshot(now(), from, frame);
      if (last > 0) this.snapshots.expect(last, state);
    }
    this.heard.ask();
  }

  /** Does everything the node asks for, then sees to the timer. It ends where that cannot be done. */
  private pump(): void {
    if (this.state === 'ENDED') return;
    try {
      this.turn();
    } catch (error) {
      if (this.isEnded()) throw error;
      this.end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private turn(): void {
    for (;;) {
      const kind = this.core.poll();
      if (kind === OutputKind.Nothing) break;
      this.act(kind);
      if (this.isEnded()) return;
    }
    while (this.core.pollAnswer()) this.clients.answer(this.core);
    if (this.state === 'RUNNING') this.compact();
    else if (this.core.isStopped) this.writes.keep();
    this.writes.go();
    if (this.state === 'STOPPING' && this.core.isStopped && this.writes.isIdle) {
      const waiter = this.stopped;
      this.end(stoppedError());
      waiter?.resolve();
      return;
    }
    this.alarm.set(this.core.pollTimeout());
  }

  private act(kind: OutputKind): void {
    const { core } = this;
    switch (kind) {
      case OutputKind.Send:
        byChannel(this.options.channel, core.to, { frame: core.takeBytes() }, this.about());
        break;
      case OutputKind.Write:
        this.write(core.token);
        break;
      case OutputKind.Commit:
        this.writes.tell({ term: core.term, index: core.index });
        this.applyThrough(core.index);
        break;
      case OutputKind.Restored:
        this.snapshots.restored(core.index);
        this.applied = core.index;
        break;
      case OutputKind.Snapshot: {
        const { to } = core;
        const message = this.snapshots.message(to, core.index, this.applied);
        if (message !== undefined) byChannel(this.options.channel, to, message, SNAPSHOT);
        break;
      }
      case OutputKind.Read:
        this.clients.readEnds(core.token, core.index, this.applied);
        break;
      case OutputKind.Role: {
        const now = { role: roleName(core.role), term: core.currentTerm, leader: core.leader || undefined };
        byListener(() => this.options.onRole?.(now));
        break;
      }
      case OutputKind.Members: {
        const agreed = core.membersAgreed ? 'COMMITTED' : 'PENDING';
        const now = { members: membersOf(core), at: core.index, agreed, own: standingName(core.standing) } as const;
        byListener(() => this.options.onMembers?.(now));
        break;
      }
      case OutputKind.Superseded:
        this.end(new Error('this store is a copy of one that runs elsewhere: it does not start again. Keep one of the two'));
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
      if (command !== undefined) byMachine(`apply() of entry ${this.applied}`, () => this.options.machine.apply(command, this.applied));
    }
    this.clients.serve(this.applied);
  }

  /** What the message to be sent is about. */
  private about(): About {
    const { core } = this;
    const entries = core.messageEntries;
    const kind = messageKindName(core.messageKind ?? MessageKind.Heartbeat);
    if (entries === 0) return { kind, entries, mode: undefined, fsync: undefined };
    return { kind, entries, mode: modeName(core.mode), fsync: fsyncName(core.fsync) };
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
    this.alarm.clear();
    this.writes.drop();
    letGo(this.options);
    this.clients.end(reason);
    this.lifeHeld?.end();
    this.free();
    this.options.onEnd?.(reason);
  }

  private free(): void {
    try {
      this.core.free();
    } catch {
      // One that panicked cannot be.
    }
  }

  /** Serves a read once it may be, unless the write it was to see is not there: its fate is decided by now. */
  private sees(after: Position, index: number, { resolve, reject }: Waiter<number>): void {
    const fate = this.fate(after);
    if (fate === 'LOST') reject(new Refused('LOST', 'nothing was read: the write to be seen is lost', undefined));
    else if (fate === 'PENDING') reject(new Refused('NO_SUCH_ENTRY', 'nothing was read: there is no such write', undefined));
    else resolve(index);
  }

  private refused(): Refused {
    return new Refused(refusalName(this.core.refusal), this.core.refusalText, this.core.hint || undefined);
  }
}

const UNWRITTEN = 'nothing was written';

const SNAPSHOT: About = { kind: 'SNAPSHOT', entries: 0, mode: undefined, fsync: undefined };

/** Messages that were sent together arrive within so many microtasks. */
const GATHER_HOPS = 4;

/** The moment so many milliseconds on; 0 for none. */
function deadlineOf(timeout: number | undefined): number {
  return timeout === undefined ? 0 : now() + timeout * 1e3;
}

function stoppedError(): Refused {
  return new Refused('STOPPED', 'this node has been stopped', undefined);
}
