// A lesson: one cluster, one workload and what befalls it, in up to four classes; and the run of each.

export type Mode = 'ASYNC' | 'LEADER_ONLY' | 'AT_LEAST_2' | 'SYNC' | 'ALL';
export type Fsync = 'NONE' | 'BATCH' | 'COMMIT' | 'ALWAYS';

export interface Class {
  readonly mode: Mode;
  readonly fsync: Fsync;
}

export const MODES: readonly Mode[] = ['ASYNC', 'LEADER_ONLY', 'AT_LEAST_2', 'SYNC', 'ALL'];
export const FSYNCS: readonly Fsync[] = ['NONE', 'BATCH', 'COMMIT', 'ALWAYS'];

/** What befalls whom: `power` and `kill` end nodes, `cut` their links, `slow` is their disk. */
export type Deed = 'power' | 'kill' | 'cut' | 'slow';
/** Everybody, whoever leads then, whoever leads and one more, or a node. */
export type Whom = 'all' | 'leader' | 'two' | number;

export interface Fault {
  readonly id: number;
  readonly deed: Deed;
  readonly whom: Whom;
  readonly atUs: number;
  /** How long until it is undone. */
  readonly forUs: number;
}

export interface Lesson {
  readonly nodes: number;
  readonly seed: number;
  readonly perSecond: number;
  readonly classes: readonly Class[];
  readonly faults: readonly Fault[];
  /** Whether ALL settles for a majority when its time is up. */
  readonly fallback: boolean;
  /** A host that is wrong on purpose. */
  readonly plant: string | undefined;
  /** A run that was brought along, in place of all that; faults are added to it. */
  readonly run: string | undefined;
  /** What that run is called. */
  readonly name: string;
}

export const SPAN_US = 12_000_000;
const FIRST_WRITE_US = 1_000_000;
const LAST_WRITE_US = 11_000_000;
/** Nothing befalls outside of this. */
export const FAULT_US_MIN = 700_000;
export const FAULT_US_MAX = 10_400_000;
export const FAULT_FOR_US_MIN = 100_000;
export const FAULT_FOR_US_MAX = 4_000_000;

export const NODES = [3, 5] as const;
export const RATES = [5, 10, 20] as const;

const FIRST_FAULT: Fault = { id: 1, deed: 'power', whom: 'all', atUs: 4_900_000, forUs: 950_000 };

export const FIRST: Lesson = {
  nodes: 3,
  seed: 7,
  perSecond: 10,
  classes: [
    { mode: 'ASYNC', fsync: 'NONE' },
    { mode: 'LEADER_ONLY', fsync: 'NONE' },
    { mode: 'SYNC', fsync: 'NONE' },
    { mode: 'SYNC', fsync: 'COMMIT' },
  ],
  faults: [FIRST_FAULT],
  fallback: false,
  plant: undefined,
  run: undefined,
  name: '',
};

export function nameOf({ mode, fsync }: Class): string {
  return `${mode} · ${fsync}`;
}

/** A run as the simulator reads it, as far as a page puts one together. */
export interface Run {
  version: number;
  seed: number;
  setup: { nodes: { durability: Record<string, unknown> }[]; plant?: string; voters: number };
  loads?: unknown[];
  actions: { at_us: number; action: unknown }[];
  storm_us: number;
}

/** The run of one class of the lesson, from the run of its cluster in which nothing is done. */
export function runOf(lesson: Lesson, asked: Class, empty: string): string {
  const run = JSON.parse(lesson.run ?? empty) as Run;
  if (lesson.run === undefined) {
    run.loads = [{ from_us: FIRST_WRITE_US, until_us: LAST_WRITE_US, every_us: Math.round(1_000_000 / lesson.perSecond), to: 'leader', class: coreClass(asked) }];
    for (const { durability } of run.setup.nodes) {
      durability['all_timeout'] = { secs: 1, nanos: 0 };
      durability['fallback'] = lesson.fallback ? 'ToMajority' : 'Refuse';
    }
    if (lesson.plant !== undefined) run.setup.plant = lesson.plant;
  }
  const added = lesson.faults.flatMap((fault) => actionsOf(fault));
  run.actions = [...run.actions, ...added].sort((one, other) => one.at_us - other.at_us);
  return JSON.stringify(run);
}

function coreClass({ mode, fsync }: Class): unknown {
  const modes: Readonly<Record<Mode, unknown>> = { ASYNC: 'Async', LEADER_ONLY: 'LeaderOnly', AT_LEAST_2: { AtLeast: 2 }, SYNC: 'Sync', ALL: 'All' };
  return { mode: modes[mode], fsync: fsync[0] + fsync.slice(1).toLowerCase() };
}

function actionsOf({ deed, whom, atUs, forUs }: Fault): Run['actions'] {
  const untilUs = atUs + forUs;
  const at = (at_us: number, action: unknown): Run['actions'][number] => ({ at_us, action });
  const target = (whom: Whom): unknown => (typeof whom === 'number' ? { node: whom } : 'leader');
  const each = (does: (node: unknown) => unknown): Run['actions'] => {
    if (whom !== 'two') return [at(atUs, does(target(whom)))];
    // Whoever leads goes second: the first follower is looked up while there is a leader.
    return [at(atUs, does({ follower: 0 })), at(atUs, does('leader'))];
  };
  switch (deed) {
    case 'power':
      return [...(whom === 'all' ? [at(atUs, 'blackout')] : each((node) => ({ cut_power: { node } }))), at(untilUs, 'start_all')];
    case 'kill':
      return [...(whom === 'all' ? [1, 2, 3, 4, 5].map((node) => at(atUs, { kill: { node: { node } } })) : each((node) => ({ kill: { node } }))), at(untilUs, 'start_all')];
    case 'cut':
      return [...(whom === 'all' ? [at(atUs, { split: { mask: 1 } })] : each((node) => ({ isolate: { node, way: 'both' } }))), at(untilUs, 'heal')];
    case 'slow':
      return [at(atUs, { disk: { node: target(whom), state: { slow: 100 } } }), at(untilUs, { disk: { node: target(whom), state: 'healthy' } })];
  }
}

/** What befalls, as a person says it. */
export function saidOf({ deed, whom }: Pick<Fault, 'deed' | 'whom'>, nodes: number): string {
  const all = nodes === 3 ? 'all three' : `all ${nodes}`;
  if (deed === 'power') return whom === 'all' ? `The power of ${all} fails` : whom === 'two' ? 'The power of two fails, the leader’s among them' : whom === 'leader' ? 'The power of the leader fails' : `The power of node ${whom} fails`;
  if (deed === 'kill') return whom === 'all' ? `The processes of ${all} are killed` : whom === 'two' ? 'Two processes are killed, the leader’s among them' : whom === 'leader' ? 'The leader is killed' : `Node ${whom} is killed`;
  if (deed === 'cut') return whom === 'leader' ? 'The leader is cut off from the others' : whom === 'all' ? 'Node 1 is cut off' : whom === 'two' ? 'Two nodes are cut off' : `Node ${whom} is cut off`;
  return whom === 'leader' ? 'The leader’s disk is slow' : `The disk of node ${whom} is slow`;
}

/** How it is undone. */
export function undoneOf(deed: Deed): string {
  return { power: 'The power is back', kill: 'They are started again', cut: 'The links carry again', slow: 'The disk is as quick as before' }[deed];
}

/** The faults a hand may choose, the most telling first. */
export const KINDS: readonly { readonly deed: Deed; readonly whom: Whom; readonly label: string; readonly forUs: number }[] = [
  { deed: 'power', whom: 'all', label: 'power: all nodes', forUs: 950_000 },
  { deed: 'power', whom: 'two', label: 'power: leader and one more', forUs: 950_000 },
  { deed: 'power', whom: 'leader', label: 'power: the leader', forUs: 950_000 },
  { deed: 'kill', whom: 'all', label: 'kill: all processes', forUs: 950_000 },
  { deed: 'kill', whom: 'leader', label: 'kill: the leader’s process', forUs: 950_000 },
  { deed: 'cut', whom: 'leader', label: 'cut off: the leader', forUs: 2_600_000 },
  { deed: 'slow', whom: 2, label: 'slow disk: node 2', forUs: 2_600_000 },
];

export const SIGNS: Readonly<Record<Deed, string>> = { power: '⚡', kill: '✖', cut: '✂', slow: '◔' };
