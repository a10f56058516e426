// A node, and what it runs on; and how the core is told.

import { Start } from '../pkg/host_wasm.js';
import type { Channel } from './channel.js';
import { HOST_OPTIONS } from './checks/api.js';
import { hold } from './checks/rules.js';
import type { CommitMode, FsyncMode, RoleName, StandingName } from './classes.js';
import { type Durability, durabilityNumbers, type PresetName, presetOf } from './durability.js';
import type { StateMachine } from './machine.js';
import { Refused } from './refused.js';
import type { Storage } from './store.js';
import { takenOf } from './taken.js';
import type { AlertThresholds, Members } from './view.js';
import type { Zone } from './zones.js';

/** A node, and what it runs on. */
export interface HostOptions {
  readonly cluster: string;
  readonly node: number;
  /** Who votes when the cluster begins: the same list on every node. */
  readonly voters: readonly number[];
  /** Who learns when it begins. */
  readonly learners?: readonly number[];
  /** LATER: the node is not one of those, and `changeMembers` makes it a member of a cluster that runs. Default: FIRST. */
  readonly joins?: 'FIRST' | 'LATER';
  readonly storage: Storage;
  readonly channel: Channel;
  readonly machine: StateMachine;
  /** Where every durability option comes from that is not given. Default: `balanced`, which is SYNC, COMMIT. */
  readonly preset?: PresetName;
  readonly durability?: Partial<Durability>;
  /** The class of a write that names none and falls in no zone. Default: the preset's. */
  readonly mode?: CommitMode;
  readonly fsync?: FsyncMode;
  /** Classes by key, for writes that name theirs: the same on every node. */
  readonly zones?: readonly Zone[];
  /** Milliseconds. Default: elections after 150 to 300, heartbeats every 50. */
  readonly timing?: { readonly electionMin: number; readonly electionMax: number; readonly heartbeat: number };
  readonly elections?: Elections;
  readonly bounds?: Bounds;
  /** Beyond which the view shows alerts. */
  readonly alerts?: AlertThresholds;
  /** A snapshot takes the place of the log after so many entries. Default: 4096. */
  readonly snapshotEvery?: number;
  /** Whenever the role, the term or the leader changes. */
  readonly onRole?: (now: RoleNow) => void;
  /** Whenever the members are others, or known to stay, or this node hears that it is none any more. */
  readonly onMembers?: (now: MembersNow) => void;
  /** When the node ends by itself, with the reason. Nothing is written after that. */
  readonly onEnd?: (reason: Error) => void;
}

/** Who leads, as a node has it. */
export interface RoleNow {
  readonly role: RoleName;
  readonly term: number;
  readonly leader: number | undefined;
}

/** Who belongs to the cluster, as a node has it. */
export interface MembersNow {
  /** Those of its own log: who was left out while it was away does not see who is in. */
  readonly members: Members;
  /** The index of the entry that says so; 0 for the members that the cluster began with. */
  readonly at: number;
  /** PENDING: that entry may still be cut off. */
  readonly agreed: 'PENDING' | 'COMMITTED';
  /** What this node is. LEFT_OUT, and COMMITTED: stop it, or add it again. */
  readonly own: StandingName;
}

/** How leaders come into office, and stay. */
export interface Elections {
  /** Whether a node asks around before it campaigns: needs `checkQuorum`. Default: ON. */
  readonly preVote?: 'ON' | 'OFF';
  /** Whether a leader that hears from no majority steps down. Default: ON. */
  readonly checkQuorum?: 'ON' | 'OFF';
  /** Reads by lease, if clocks drift by no more than so many in a thousand: one setting for the whole cluster. */
  readonly leaseDriftPermille?: number;
}

/** What a node takes on only so much of: beyond, it is busy, or joins more in each. */
export interface Bounds {
  readonly appendEntries?: number;
  readonly appendsInFlight?: number;
  readonly writesInFlight?: number;
  readonly unwrittenEntries?: number;
  /** Clients that wait at once. Default: 4096. */
  readonly clients?: number;
}

/** @internal Refuses options that make no sense, before anything is touched. */
export function checkOptions(options: HostOptions): void {
  hold(options, 'options', HOST_OPTIONS, UNSTARTED);
  const { node, channel } = options;
  if (channel.node !== undefined && channel.node !== node) {
    throw new Refused('INVALID', `${UNSTARTED}: \`options.channel\` is node ${channel.node}'s, and this is node ${node}`, undefined);
  }
  const thing = takenOf(options);
  if (thing !== undefined) throw new Refused('INVALID', `${UNSTARTED}: \`options.${thing}\` is another node's, which runs on it`, undefined);
}

const UNSTARTED = 'no node was started';

/** Every durability option of a node. */
export function durabilityOf({ preset, durability, mode, fsync }: HostOptions): Durability {
  return { ...presetOf(preset ?? 'balanced'), ...durability, ...(mode && { mode }), ...(fsync && { fsync }) };
}

/** @internal The core, told everything but what its store holds. */
export function startOf(options: HostOptions, store: bigint, durability: Durability): Start {
  const { node, voters, learners, timing, elections, bounds } = options;
  // Election timeouts must differ between nodes.
  const start = new Start(node, store, random());
  for (const voter of voters) start.voter(voter, 0n);
  for (const learner of learners ?? []) start.learner(learner, 0n);
  if (timing) start.timing(timing.electionMin * 1e3, timing.electionMax * 1e3, timing.heartbeat * 1e3);
  start.durability(durabilityNumbers(durability));
  const { preVote, checkQuorum, leaseDriftPermille } = elections ?? {};
  start.elections(preVote !== 'OFF', checkQuorum !== 'OFF', leaseDriftPermille ?? -1);
  const { appendEntries, appendsInFlight, writesInFlight, unwrittenEntries, clients } = bounds ?? {};
  start.bounds(appendEntries ?? 0, appendsInFlight ?? 0, writesInFlight ?? 0, unwrittenEntries ?? 0);
  if (clients !== undefined) start.waitsMax = clients;
  return start;
}

/** @internal Its own for every start, and never 0. */
export function random(): bigint {
  const [word] = crypto.getRandomValues(new BigUint64Array(1));
  return word || 1n;
}
