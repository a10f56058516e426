// Durability in words, and in the numbers that cross to the core.

import { Fate, Grade, Held, MessageKind, Refusal, Role, Standing, Trust } from '../pkg/host_wasm.js';

/** How many nodes hold a write before its client hears. */
export type CommitMode = 'ASYNC' | 'LEADER_ONLY' | `AT_LEAST_${number}` | 'SYNC' | 'ALL';

/** When the disk is forced for it. */
export type FsyncMode = 'NONE' | 'BATCH' | 'COMMIT' | 'ALWAYS';

/** How firmly it was held when the client was told; `undefined` where it was not acknowledged. */
export type HeldAs = 'ACCEPTED' | 'WRITTEN' | 'SYNCED' | undefined;

export type GradeName = 'AS_ASKED' | 'FALLBACK' | 'TIMED_OUT' | 'LOST' | 'UNKNOWN';
export type FateName = 'COMMITTED' | 'PENDING' | 'LOST' | 'UNKNOWN';
/** What a node is among the members. */
export type StandingName = 'VOTER' | 'LEARNER' | 'LEFT_OUT';
export type RoleName = 'FOLLOWER' | 'PRE_CANDIDATE' | 'CANDIDATE' | 'LEADER';
export type TrustName = 'CLEAN' | 'DIRTY' | 'SUSPECT';

const MODES = ['ASYNC', 'LEADER_ONLY', 'AT_LEAST', 'SYNC', 'ALL'] as const;
const FSYNCS: readonly FsyncMode[] = ['NONE', 'BATCH', 'COMMIT', 'ALWAYS'];
const AT_LEAST = 2;

/** The number of a commit mode. */
export function modeCode(mode: CommitMode): number {
  const at = /^AT_LEAST_(\d+)$/.exec(mode);
  if (at !== null) return AT_LEAST | (Number(at[1]) << 8);
  const code = (MODES as readonly string[]).indexOf(mode);
  if (code < 0 || code === AT_LEAST) throw new RangeError(`no commit mode is called ${mode}`);
  return code;
}

/** The commit mode of a number. */
export function modeName(code: number): CommitMode {
  const name = MODES[code & 0xff];
  if (name === undefined) throw new RangeError(`no commit mode has the number ${code}`);
  return name === 'AT_LEAST' ? `AT_LEAST_${code >> 8}` : name;
}

/** The number of an fsync mode. */
export function fsyncCode(fsync: FsyncMode): number {
  const code = FSYNCS.indexOf(fsync);
  if (code < 0) throw new RangeError(`no fsync mode is called ${fsync}`);
  return code;
}

export const heldName = (held: Held): HeldAs =>
  ({ [Held.Not]: undefined, [Held.Accepted]: 'ACCEPTED', [Held.Written]: 'WRITTEN', [Held.Synced]: 'SYNCED' } as const)[held];

export const gradeName = (grade: Grade): GradeName =>
  (
    {
      [Grade.AsAsked]: 'AS_ASKED',
      [Grade.Fallback]: 'FALLBACK',
      [Grade.TimedOut]: 'TIMED_OUT',
      [Grade.Lost]: 'LOST',
      [Grade.Unknown]: 'UNKNOWN',
    } as const
  )[grade];

export const fateName = (fate: Fate): FateName =>
  ({ [Fate.Committed]: 'COMMITTED', [Fate.Pending]: 'PENDING', [Fate.Lost]: 'LOST', [Fate.Unknown]: 'UNKNOWN' } as const)[fate];

export const roleName = (role: Role): RoleName =>
  ({
    [Role.Follower]: 'FOLLOWER',
    [Role.PreCandidate]: 'PRE_CANDIDATE',
    [Role.Candidate]: 'CANDIDATE',
    [Role.Leader]: 'LEADER',
  } as const)[role];

export const standingName = (standing: Standing | undefined): StandingName =>
  standing === Standing.Voter ? 'VOTER' : standing === Standing.Learner ? 'LEARNER' : 'LEFT_OUT';

export const trustName = (trust: Trust): TrustName =>
  ({ [Trust.Clean]: 'CLEAN', [Trust.Dirty]: 'DIRTY', [Trust.Suspect]: 'SUSPECT' } as const)[trust];

/** What an entry of the log is for: a client's command, or the protocol's own. */
export type EntryKind = 'COMMAND' | 'NO_OP' | 'CONFIGURATION';

const ENTRY_KINDS: readonly EntryKind[] = ['COMMAND', 'NO_OP', 'CONFIGURATION'];

export const entryKindName = (code: number): EntryKind => ENTRY_KINDS[code] ?? 'COMMAND';

/** The name of an fsync mode's number; nothing for a number of none. */
export const fsyncName = (code: number): FsyncMode | undefined => FSYNCS[code];

/** A commit mode and an fsync mode in full. */
export interface Class {
  readonly mode: CommitMode;
  readonly fsync: FsyncMode;
}

/** What is said in a message. `MATCHED` and `REJECTED` answer an `APPEND`; `LEFT_OUT` one that is no member any more. */
export type MessageKindName =
  | 'PRE_VOTE'
  | 'PRE_VOTE_REPLY'
  | 'VOTE'
  | 'VOTE_REPLY'
  | 'APPEND'
  | 'MATCHED'
  | 'REJECTED'
  | 'HEARTBEAT'
  | 'HEARTBEAT_REPLY'
  | 'TIMEOUT_NOW'
  | 'TRANSFER_VOTE'
  | 'READ_INDEX'
  | 'READ_INDEX_REPLY'
  | 'SNAPSHOT'
  | 'LEFT_OUT';

export const messageKindName = (kind: MessageKind): MessageKindName =>
  ({
    [MessageKind.PreVote]: 'PRE_VOTE',
    [MessageKind.PreVoteReply]: 'PRE_VOTE_REPLY',
    [MessageKind.Vote]: 'VOTE',
    [MessageKind.VoteReply]: 'VOTE_REPLY',
    [MessageKind.Append]: 'APPEND',
    [MessageKind.Matched]: 'MATCHED',
    [MessageKind.Rejected]: 'REJECTED',
    [MessageKind.Heartbeat]: 'HEARTBEAT',
    [MessageKind.HeartbeatReply]: 'HEARTBEAT_REPLY',
    [MessageKind.TimeoutNow]: 'TIMEOUT_NOW',
    [MessageKind.TransferVote]: 'TRANSFER_VOTE',
    [MessageKind.ReadIndex]: 'READ_INDEX',
    [MessageKind.ReadIndexReply]: 'READ_INDEX_REPLY',
    [MessageKind.Snapshot]: 'SNAPSHOT',
    [MessageKind.LeftOut]: 'LEFT_OUT',
  } as const)[kind];

/** Why nothing was done. */
export type RefusalName =
  | 'NOT_LEADER'
  | 'BUSY'
  | 'INVALID'
  | 'STOPPED'
  | 'BELOW_FLOOR'
  | 'UNDER_WAY'
  | 'UNCHANGED'
  | 'NOT_MEMBER'
  | 'OTHER_STORE'
  | 'NO_CLUSTER'
  | 'LOST'
  | 'NO_SUCH_ENTRY'
  | 'NOT_LOADED';

export const refusalName = (refusal: Refusal): RefusalName =>
  ({
    [Refusal.Nothing]: 'BUSY',
    [Refusal.NotLeader]: 'NOT_LEADER',
    [Refusal.Busy]: 'BUSY',
    [Refusal.Invalid]: 'INVALID',
    [Refusal.Stopped]: 'STOPPED',
    [Refusal.UnderWay]: 'UNDER_WAY',
    [Refusal.Unchanged]: 'UNCHANGED',
    [Refusal.NotMember]: 'NOT_MEMBER',
    [Refusal.OtherStore]: 'OTHER_STORE',
    [Refusal.NoCluster]: 'NO_CLUSTER',
    [Refusal.Lost]: 'LOST',
    [Refusal.NoSuchEntry]: 'NO_SUCH_ENTRY',
  } as const)[refusal];
