// What everything that crosses the package's surface must be, in one place. `test/checks.test.ts` has a row for each.

import {
  amount,
  big,
  both,
  bytes,
  having,
  list,
  maybe,
  methods,
  must,
  name,
  oneOf,
  options,
  type Rule,
  text,
  whole,
  work,
} from './rules.js';

/** No clock of a page runs longer. */
const YEAR_MS = 365 * 24 * 3600 * 1000;
/** So many members a cluster may have, joint configurations counted over their union. */
const MEMBERS_MAX = 15;
/** So many clients a node may be told to let wait. */
const CLIENTS_MAX = 65_536;
const U32_MAX = 2 ** 32 - 1;
const U8_MAX = 255;

const isBuffer = (value: unknown): boolean => ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]';

/** What the core may be loaded from. */
export const SOURCE: Rule = must(
  'bytes, a URL, a WebAssembly.Module or nothing',
  (value) => typeof value === 'string' || value instanceof URL || value instanceof WebAssembly.Module || isBuffer(value),
);

/** The number of a node. 0 is nobody. */
export const NODE = whole(1);
const STORE = big(1n);
const MS = amount('milliseconds', 0, YEAR_MS);
/** A time that must pass: 0 would be for ever. */
const TICK = amount('milliseconds', 0.001, YEAR_MS);
const THRESHOLD = amount('a number', 0, Infinity);

const AT_LEAST = /^AT_LEAST_([1-9]\d{0,2})$/;
const MODE: Rule = must('one of ASYNC, LEADER_ONLY, AT_LEAST_1 to AT_LEAST_255, SYNC, ALL', (value) => {
  if (typeof value !== 'string') return false;
  if (['ASYNC', 'LEADER_ONLY', 'SYNC', 'ALL'].includes(value)) return true;
  return Number(AT_LEAST.exec(value)?.[1] ?? Infinity) <= U8_MAX;
});
const FSYNC = oneOf(['NONE', 'BATCH', 'COMMIT', 'ALWAYS']);
const FALLBACK = oneOf(['REFUSE', 'TO_MAJORITY']);
const ON_OFF = oneOf(['ON', 'OFF']);

export const COMMAND = bytes;
export const RECORD = bytes;
export const KEY = text;
export const NAME = name;
export const PRESET = oneOf(['financial', 'balanced', 'low_latency', 'max_throughput']);

/** Where an entry stands. An answer has its position, so others may be in it. */
export const POSITION = having({ term: whole(1), index: whole(1) });
export const INDEX = whole(1);
export const LIMIT = whole(0, U32_MAX);
export const WORK = work;

export const ASKED = options({ mode: maybe(MODE), fsync: maybe(FSYNC), key: maybe(KEY), timeout: maybe(MS), fallback: maybe(FALLBACK) });
export const READ_ASKED = options({ after: maybe(POSITION) });
export const AWAIT_ASKED = options({ timeout: maybe(MS) });
export const CLASS = having({ mode: MODE, fsync: FSYNC });
export const VOTERS = whole(1, MEMBERS_MAX);

const ZONE = options({ pattern: text, mode: maybe(MODE), fsync: maybe(FSYNC), strictness: maybe(oneOf(['DEFAULT', 'FLOOR'])) });
export const ZONES = list(ZONE);

const CHANGE: Rule = (value, name) => {
  const kind = having({ kind: oneOf(['VOTER', 'LEARNER', 'REMOVE']), node: NODE });
  const store = (value as { kind?: unknown } | null)?.kind === 'REMOVE' ? {} : { store: maybe(big(0n)) };
  return kind(value, name) ?? options({ kind: () => undefined, node: () => undefined, ...store })(value, name);
};
export const CHANGES = list(CHANGE);

const COUNT = whole(0, U32_MAX);

/** Every option of `Durability`. */
export const DURABILITY = options({
  mode: maybe(MODE),
  fsync: maybe(FSYNC),
  fsyncFloor: maybe(FSYNC),
  leaderFsync: maybe(oneOf(['AS_CLASS', 'REQUIRED'])),
  leaderOnlyReplication: maybe(oneOf(['BACKGROUND', 'WITH_HEARTBEAT'])),
  batchSize: maybe(COUNT),
  batchTimeout: maybe(MS),
  allTimeout: maybe(MS),
  fallback: maybe(FALLBACK),
  batchFsyncCount: maybe(COUNT),
  batchFsyncInterval: maybe(MS),
  lazyForce: maybe(MS),
  atRiskEntriesMax: maybe(whole(0)),
  onPowerLoss: maybe(oneOf(['PROTECT', 'AVAILABLE'])),
  diskStall: maybe(MS),
});

export const STORAGE = methods('open', 'commit', 'onEnd', 'close');
export const REWINDABLE = methods('open', 'commit', 'onEnd', 'close', 'rewind');
const CHANNEL = methods('send', 'listen', 'close');
const MACHINE = methods('apply', 'snapshot', 'restore');
export const PORTS = must("pairs of a node's number and its port", (value) => typeof value === 'object' && value !== null && Symbol.iterator in value);
export const PAIR = must("pairs of a node's number and its port", (value) => Array.isArray(value));
export const PORT = methods('postMessage', 'close');

const ELECTIONS = options({ preVote: maybe(ON_OFF), checkQuorum: maybe(ON_OFF), leaseDriftPermille: maybe(whole(0, 999)) });
const BOUNDS = options({
  appendEntries: maybe(whole(1, U32_MAX)),
  appendsInFlight: maybe(whole(1, U8_MAX)),
  writesInFlight: maybe(whole(1, U8_MAX)),
  unwrittenEntries: maybe(whole(1, U32_MAX)),
  clients: maybe(whole(1, CLIENTS_MAX)),
});

/** Whether a list names nobody twice, and not too many. */
const once: Rule = (value, name) => {
  const nodes = value as readonly number[];
  const twice = nodes.find((node, place) => nodes.indexOf(node) !== place);
  return twice === undefined ? undefined : `\`${name}\` has node ${twice} twice`;
};
const MEMBERS = both(list(NODE), once);

/** Who is in the cluster at first, and whether the node is. */
const seated: Rule = (value, name) => {
  const { node, voters, learners = [], joins } = value as { node: number; voters: readonly number[]; learners?: readonly number[]; joins?: string };
  if (voters.length === 0) return `\`${name}.voters\` is empty: somebody must vote when the cluster begins`;
  const learning = learners.find((each) => voters.includes(each));
  if (learning !== undefined) return `node ${learning} is among \`${name}.voters\` and \`${name}.learners\``;
  if (voters.length + learners.length > MEMBERS_MAX) return `${voters.length + learners.length} members are more than ${MEMBERS_MAX}`;
  const seat = voters.includes(node) || learners.includes(node) ? 'FIRST' : 'LATER';
  if (seat === (joins ?? 'FIRST')) return undefined;
  if (seat === 'FIRST') return `node ${node} is a member when the cluster begins, and \`${name}.joins\` says LATER`;
  return `node ${node} is neither in \`${name}.voters\` nor in \`${name}.learners\`: name it there on every node or, if it joins a cluster that runs, give it \`joins: 'LATER'\``;
};

/** A node, and what it runs on. */
export const HOST_OPTIONS = both(
  options({
    cluster: name,
    node: NODE,
    voters: MEMBERS,
    learners: maybe(MEMBERS),
    joins: maybe(oneOf(['FIRST', 'LATER'])),
    storage: STORAGE,
    channel: CHANNEL,
    machine: MACHINE,
    preset: maybe(PRESET),
    durability: maybe(DURABILITY),
    mode: maybe(MODE),
    fsync: maybe(FSYNC),
    zones: maybe(ZONES),
    timing: maybe(options({ electionMin: TICK, electionMax: TICK, heartbeat: TICK })),
    elections: maybe(ELECTIONS),
    bounds: maybe(BOUNDS),
    alerts: maybe(options({ bytesAtRisk: maybe(THRESHOLD), lag: maybe(THRESHOLD), peerSilent: maybe(THRESHOLD), fsyncP99: maybe(THRESHOLD) })),
    snapshotEvery: maybe(whole(1)),
    onRole: maybe(work),
    onMembers: maybe(work),
    onEnd: maybe(work),
  }),
  seated,
);

export const IDENTITY = having({ cluster: name, node: NODE });
export const INDEXED_DB_OPTIONS = options({ name: maybe(name), expect: maybe(STORE) });
export const SURVIVORS: Rule = must(
  "'none', 'all' or a whole number from 0 on",
  (value) => value === 'none' || value === 'all' || (Number.isSafeInteger(value) && (value as number) >= 0),
);

/** A snapshot, as a store keeps it. */
const SNAPSHOT = having({ last: whole(0), core: bytes, state: bytes });

/** What a store is asked to do. */
export const FIRMNESS = oneOf(['written', 'synced']);
const STORE_CHANGE_KINDS: Readonly<Record<string, Rule>> = {
  hardState: having({ bytes }),
  record: having({ first: INDEX, bytes }),
  committed: having({ position: POSITION }),
  install: having({ snapshot: SNAPSHOT }),
  compact: having({ snapshot: SNAPSHOT }),
};
export const STORE_CHANGES = list((value, name) => {
  const wrong = having({ kind: oneOf(Object.keys(STORE_CHANGE_KINDS)) })(value, name);
  return wrong ?? STORE_CHANGE_KINDS[(value as { kind: string }).kind]?.(value, name);
});

/** What a store says that it held. */
export const FOUND = having({
  store: STORE,
  age: oneOf(['new', 'old']),
  hardState: maybe(bytes),
  snapshot: maybe(SNAPSHOT),
  committed: maybe(POSITION),
  records: list(having({ first: INDEX, bytes })),
});

/** What a state machine's snapshot() returns. */
export const STATE = bytes;

export const EFFORT = options({ seeds: list(whole(0)), turns: whole(0), patienceMs: maybe(TICK) });
export const LEADER_ASKED = options({ timeout: maybe(MS) });
/** What the name of every life begins with. */
export const LIVES = 'kraft-life/';
export const LIFE = must("a `life` of a host's", (value) => typeof value === 'string' && value.startsWith(LIVES));
/** Nodes to choose from. */
export const NODES = both(list(having({ node: NODE })), must('an array that is not empty', (value) => (value as unknown[]).length > 0));
