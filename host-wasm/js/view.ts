// What a person sees of a node: its figures, its log entry by entry, its members and peers, its alerts.

import { type Node, recordEntries, Trust } from '../pkg/host_wasm.js';
import { RECORD } from './checks/api.js';
import { hold } from './checks/rules.js';
import {
  type CommitMode,
  type EntryKind,
  entryKindName,
  type FsyncMode,
  fsyncName,
  modeName,
  type RoleName,
  roleName,
  type TrustName,
  trustName,
} from './classes.js';
import { needCore } from './core.js';
import { rowsOf } from './rows.js';

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
  /** Acknowledged here and not committed, and for how many milliseconds the oldest of it has been. */
  readonly atRisk: { readonly entries: number; readonly bytes: number; readonly ms: number };
  /** Milliseconds of the slowest in a hundred of the last minute's strict commits; 0 where there is none. */
  readonly fsyncP99: number;
  readonly alerts: readonly Alert[];
  readonly members: Members;
  /** What a leader knows of the others; empty on others. */
  readonly peers: readonly Peer[];
  readonly trust: TrustName;
  readonly waiting: readonly string[];
}

/** Who is in the cluster, as the newest configuration in the node's log has it. */
export interface Members {
  readonly voters: readonly number[];
  /** Voters on their way out: while there are some, both majorities decide. */
  readonly outgoing: readonly number[];
  readonly learners: readonly number[];
}

/** What a leader knows of another node. What that node has not told it in its own term is not known: nothing, not 0. */
export interface Peer {
  readonly node: number;
  /** How many milliseconds ago it was heard; nothing: not since this node leads. */
  readonly heard: number | undefined;
  readonly trust: TrustName | undefined;
  readonly written: number | undefined;
  readonly synced: number | undefined;
  /** Entries it lacks, and for how many milliseconds, as exact as it is looked at often. */
  readonly lag: { readonly entries: number; readonly ms: number } | undefined;
  /** For how many milliseconds it has not told what it holds. */
  readonly silent: number;
}

/** What an operator should know of. Values are bytes, or milliseconds. */
export interface Alert {
  readonly kind: 'DATA_AT_RISK' | 'REPLICATION_LAG' | 'PEER_SILENT' | 'SLOW_FSYNC';
  readonly value: number;
  readonly threshold: number;
  readonly text: string;
}

/** Beyond which an alert is due, in bytes and milliseconds. The defaults are the core's: 100 MiB, 10 s, 10 s, 100 ms. */
export interface AlertThresholds {
  readonly bytesAtRisk?: number;
  readonly lag?: number;
  /** For how long a peer has not told its leader what it holds. */
  readonly peerSilent?: number;
  readonly fsyncP99?: number;
}

/** An entry of a node's log. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /**
   * The class it was proposed with, on the node where it was; on others the strongest of the append that brought it.
   * Nothing where it was found at the start, and for a no-op.
   */
  readonly mode: CommitMode | undefined;
  readonly fsync: FsyncMode | undefined;
  readonly bytes: number;
  /** How firmly this node holds it. */
  readonly held: 'ACCEPTED' | 'WRITTEN' | 'SYNCED';
  /** How far it has come. */
  readonly stage: 'PENDING' | 'COMMITTED' | 'APPLIED';
}

/** An entry as a store has it, in a record. */
export interface StoredEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly bytes: number;
}

/** The entries of a record, for whoever shows what a store holds; none of what is no record of kraft's. */
export function entriesOf(record: Uint8Array): StoredEntry[] {
  hold(record, 'record', RECORD, 'no entry was read');
  needCore('no entry was read');
  return rowsOf(recordEntries(record), 4, ([index = 0, term = 0, kind = 0, bytes = 0]) => {
    return { index, term, kind: entryKindName(kind), bytes };
  });
}

/** @internal */
export function viewOf(core: Node, now: number, applied: number, fsyncP99: number, thresholds: AlertThresholds): View {
  // Peers first: alerts rest on how far behind they were found to be.
  const peers = peersOf(core, now);
  const [entries = 0, bytes = 0, us = 0] = core.atRisk(now);
  return {
    role: roleName(core.role),
    leader: core.leader || undefined,
    term: core.currentTerm,
    commit: core.commitIndex,
    applied,
    last: core.lastIndex,
    written: core.writtenIndex,
    synced: core.syncedIndex,
    atRisk: { entries, bytes, ms: us / 1e3 },
    fsyncP99,
    alerts: alertsOf(core, fsyncP99, thresholds),
    members: membersOf(core),
    peers,
    trust: trustName(core.trust),
    waiting: core.waiting(),
  };
}

/** @internal */
export function logOf(core: Node, from: number, limit: number, applied: number): LogEntry[] {
  const { writtenIndex, syncedIndex, commitIndex } = core;
  return rowsOf(core.entries(from, limit), 6, ([index = 0, term = 0, kind = 0, mode = -1, fsync = -1, bytes = 0]) => ({
    index,
    term,
    kind: entryKindName(kind),
    mode: mode < 0 ? undefined : modeName(mode),
    fsync: fsyncName(fsync),
    bytes,
    held: index <= syncedIndex ? 'SYNCED' : index <= writtenIndex ? 'WRITTEN' : 'ACCEPTED',
    stage: index <= applied ? 'APPLIED' : index <= commitIndex ? 'COMMITTED' : 'PENDING',
  }));
}

/** @internal */
export function membersOf(core: Node): Members {
  const seats = rowsOf(core.members(), 2, ([node = 0, seats = 0]) => ({ node, seats }));
  const seated = (bit: number): number[] => seats.filter(({ seats }) => (seats & bit) !== 0).map(({ node }) => node);
  return { voters: seated(1), outgoing: seated(2), learners: seated(4) };
}

function peersOf(core: Node, now: number): Peer[] {
  return rowsOf(core.peers(now), 8, ([node = 0, heard, trust, written, synced, entries, us, silent = 0]) => {
    const behind = [known(entries), known(us)];
    return {
      node,
      heard: millis(known(heard)),
      trust: known(trust) === undefined ? undefined : trustName(trust as Trust),
      written: known(written),
      synced: known(synced),
      lag: behind[0] === undefined ? undefined : { entries: behind[0], ms: millis(behind[1]) ?? 0 },
      silent: silent / 1e3,
    };
  });
}

/** The core says −1 of what it does not know. */
function known(figure = -1): number | undefined {
  return figure < 0 ? undefined : figure;
}

function millis(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1e3;
}

const ALERTS = ['DATA_AT_RISK', 'REPLICATION_LAG', 'PEER_SILENT', 'SLOW_FSYNC'] as const;

function alertsOf(core: Node, fsyncP99: number, given: AlertThresholds): Alert[] {
  const { bytesAtRisk, lag, peerSilent, fsyncP99: slow } = given;
  const us = (ms: number | undefined): number => (ms === undefined ? -1 : ms * 1e3);
  const thresholds = Float64Array.of(bytesAtRisk ?? -1, us(lag), us(peerSilent), us(slow));
  return rowsOf(core.alerts(fsyncP99 * 1e3, thresholds), 3, ([code = 0, value = 0, threshold = 0]) => {
    const kind = ALERTS[code] ?? 'SLOW_FSYNC';
    const unit = kind === 'DATA_AT_RISK' ? 1 : 1e3;
    return alert(kind, value / unit, threshold / unit);
  });
}

/** An alert with its words, which are the native node's. */
function alert(kind: Alert['kind'], value: number, threshold: number): Alert {
  const text = {
    DATA_AT_RISK: () => `${value} acknowledged bytes are not yet on a majority's disks (more than ${threshold})`,
    REPLICATION_LAG: () => `the slowest peer is ${duration(value)} behind (more than ${duration(threshold)})`,
    PEER_SILENT: () =>
      `a peer has not told what it holds for ${duration(value)} (more than ${duration(threshold)}): it is down or cut off, or cannot be fed`,
    SLOW_FSYNC: () => `one fsync in a hundred takes ${duration(value)} or longer (more than ${duration(threshold)})`,
  }[kind]();
  return { kind, value, threshold, text };
}

/** A time as a person reads it: to three digits. */
function duration(ms: number): string {
  const digits = (count: number): number => Number(count.toPrecision(3));
  return ms < 999.5 ? `${digits(ms)}ms` : `${digits(ms / 1000)}s`;
}
