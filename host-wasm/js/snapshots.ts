// The snapshots of one node: the newest it has, and those on their way to it.
//
//   applied far enough ─► make ─► its log is synced ─► store ─► compacted: the log before it is gone
//   a peer lacks entries that are gone ─► the newest, or one made now ─► channel
//   a leader's ─► kept until the core has it written ─► restored

import type { Node } from '../pkg/host_wasm.js';
import { STATE } from './checks/api.js';
import { hold } from './checks/rules.js';
import { byMachine } from './foreign.js';
import type { StateMachine } from './machine.js';
import type { Snapshot } from './store.js';

/** Entries between two snapshots, unless a host says otherwise. */
export const SNAPSHOT_EVERY = 4096;

export class Snapshots {
  private newest: Snapshot | undefined;
  /** Made, and not stored before this disk holds the log through its end: it must not run ahead of that. */
  private made: Snapshot | undefined;
  /** States that leaders sent, by the last entry they cover. */
  private readonly incoming = new Map<number, Uint8Array>();
  private compaction: 'IDLE' | 'UNDER_WAY' = 'IDLE';

  constructor(
    private readonly core: Node,
    private readonly machine: StateMachine,
    private readonly every: number,
    found: Snapshot | undefined,
  ) {
    this.newest = found;
  }

  /**
   * A snapshot to be stored in place of the log that it covers, if it is time for one. It is made when enough was
   * applied, and waits for the disk: one that is always a little behind would otherwise never be found level with
   * what is applied, and its log grow without end.
   */
  due(applied: number): Snapshot | undefined {
    if (this.compaction === 'UNDER_WAY') return undefined;
    const covered = this.newest?.last ?? 0;
    if (this.made !== undefined && this.made.last <= covered) this.made = undefined;
    if (this.made === undefined && applied - covered >= this.every) this.made = this.make(applied);
    const { made } = this;
    if (made === undefined || this.core.syncedIndex < made.last) return undefined;
    this.made = undefined;
    this.compaction = 'UNDER_WAY';
    return made;
  }

  /** It is on the disk. */
  stored(snapshot: Snapshot): void {
    this.compaction = 'IDLE';
    this.keep(snapshot);
    try {
      this.core.compacted(snapshot.last);
    } catch {
      // The core keeps its log for now; the next snapshot asks again.
    }
  }

  /** The message that brings a peer what it lacks, and the state beside it. */
  message(to: number, upto: number, applied: number): { frame: Uint8Array; state: Uint8Array } | undefined {
    const newest = this.newest !== undefined && this.newest.last >= upto ? this.newest : this.make(applied);
    const frame = newest && this.core.snapshotFrame(to, newest.core);
    return newest && frame && { frame, state: newest.state };
  }

  /** A leader's, which the core will have written. */
  expect(last: number, state: Uint8Array): void {
    this.incoming.set(last, state);
  }

  /** What the core wants written. */
  install(last: number, core: Uint8Array): Snapshot {
    const state = this.incoming.get(last);
    if (state === undefined) throw new Error(`the state of the snapshot through ${last} is not here`);
    const snapshot = { last, core, state };
    this.keep(snapshot);
    return snapshot;
  }

  /** It is on the disk: the state machine is what it says. */
  restored(last: number): void {
    const state = this.incoming.get(last);
    if (state === undefined) throw new Error(`the state of the snapshot through ${last} is not here`);
    byMachine('restore()', () => this.machine.restore(state));
    for (const older of [...this.incoming.keys()]) {
      if (older <= last) this.incoming.delete(older);
    }
  }

  private make(applied: number): Snapshot | undefined {
    let core: Uint8Array;
    try {
      core = this.core.snapshotAt(applied);
    } catch {
      // There is none at this index, for now: nothing was applied, or its history is forgotten.
      return undefined;
    }
    const state = byMachine('snapshot()', () => this.machine.snapshot());
    hold(state, 'what snapshot() of the state machine returned', STATE, 'the node has ended, without a snapshot');
    return { last: applied, core, state };
  }

  private keep(snapshot: Snapshot): void {
    if (snapshot.last > (this.newest?.last ?? 0)) this.newest = snapshot;
  }
}
