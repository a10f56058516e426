// Everything that crosses the surface of the package, and what it is refused as where it makes no sense: in words, and
// nothing was done.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { type Adapter, check } from '../conformance/index.js';
import * as kraft from '../index.js';
import { alone } from './alone.js';

let host: kraft.Host;
let hub: kraft.Hub;

before(async () => {
  await kraft.load();
  ({ host, hub } = await alone());
});

after(async () => {
  await host?.stop();
});

/** As a program without types has it. */
type Wrong = never;
const wrong = (value: unknown): Wrong => value as Wrong;

const detached = (): Uint8Array => {
  const bytes = new Uint8Array(5);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
};

/** What is given, and what is said of it. */
type Row = readonly [call: () => unknown, says: RegExp];

const command = new Uint8Array(1);
const at = { term: 1, index: 1 };

/** The options of a host that would start, changed. */
const started = (changed: object) => () =>
  kraft.Host.start({
    cluster: 'checks',
    node: 1,
    voters: [1, 2, 3],
    storage: new kraft.MemoryDisk().attach(),
    channel: new kraft.Hub().join(1),
    machine: { apply: () => undefined, snapshot: () => new Uint8Array(1), restore: () => undefined },
    ...changed,
  });

const positions = (call: (of: kraft.Position) => unknown, name: string): Row[] => [
  [() => call(wrong(undefined)), new RegExp(`\`${name}\` must be an object, and is undefined`)],
  [() => call(wrong({ index: 1 })), new RegExp(`\`${name}.term\` must be a whole number from 1 to 2\\^53 - 1, and is undefined`)],
  [() => call({ term: -1, index: 1 }), new RegExp(`\`${name}.term\` .* is -1`)],
  [() => call({ term: 1.5, index: 1 }), new RegExp(`\`${name}.term\` .* is 1.5`)],
  [() => call({ term: 1, index: NaN }), new RegExp(`\`${name}.index\` .* is NaN`)],
  [() => call({ term: 1, index: 2 ** 53 }), new RegExp(`\`${name}.index\` .* is 9007199254740992`)],
  [() => call(wrong({ term: 1n, index: 1 })), new RegExp(`\`${name}.term\` .* is the bigint 1n`)],
];

const asks = (call: (asked: kraft.Asked) => unknown): Row[] => [
  [() => call(wrong(null)), /`asked` must be an object, and is null/],
  [() => call(wrong('ALL')), /`asked` must be an object, and is the string 'ALL'/],
  [() => call(wrong({ mod: 'ALL' })), /`asked` has no option `mod`, only mode, fsync, key, timeout, fallback/],
  [() => call(wrong({ mode: 'all' })), /`asked.mode` must be one of ASYNC, .*, and is the string 'all'/],
  [() => call({ mode: 'AT_LEAST_0' }), /`asked.mode`/],
  [() => call({ mode: 'AT_LEAST_256' }), /`asked.mode`/],
  [() => call({ mode: 'AT_LEAST_1.5' }), /`asked.mode`/],
  [() => call(wrong({ fsync: 2 })), /`asked.fsync` must be one of NONE, BATCH, COMMIT, ALWAYS, and is 2/],
  [() => call({ timeout: NaN }), /`asked.timeout` must be milliseconds from 0 to 31536000000, and is NaN/],
  [() => call({ timeout: -1 }), /`asked.timeout` .* is -1/],
  [() => call({ timeout: Infinity }), /`asked.timeout` .* is Infinity/],
  [() => call(wrong({ timeout: '10' })), /`asked.timeout` .* is the string '10'/],
  [() => call(wrong({ key: 7 })), /`asked.key` must be a string, and is 7/],
  [() => call(wrong({ fallback: true })), /`asked.fallback` must be one of REFUSE, TO_MAJORITY, and is true/],
];

const nodes = (call: (node: number) => unknown, name = 'node'): Row[] =>
  [0, -1, 1.5, NaN, Infinity, 2 ** 53, '1', 1n, null].map((node) => [() => call(wrong(node)), new RegExp(`\`${name}\` must be a whole number from 1`)]);

const bytes = (call: (bytes: Uint8Array) => unknown, name: string): Row[] => [
  [() => call(wrong('hello')), new RegExp(`\`${name}\` must be a Uint8Array, and is the string 'hello'; \`new TextEncoder\\(\\).encode\\(it\\)\` makes one`)],
  [() => call(wrong(new ArrayBuffer(5))), new RegExp(`\`${name}\` .* is an ArrayBuffer; \`new Uint8Array\\(it\\)\` makes one`)],
  [() => call(wrong(new DataView(new ArrayBuffer(5)))), new RegExp(`\`${name}\` .* is a DataView`)],
  [() => call(wrong(new Uint16Array(5))), new RegExp(`\`${name}\` .* is an Uint16Array|a Uint16Array`)],
  [() => call(wrong([1, 2])), new RegExp(`\`${name}\` .* is an array`)],
  [() => call(wrong({ length: 5 })), new RegExp(`\`${name}\` .* is an object`)],
  [() => call(wrong(5)), new RegExp(`\`${name}\` .* is 5`)],
  [() => call(wrong(undefined)), new RegExp(`\`${name}\` .* is undefined`)],
  [() => call(detached()), new RegExp(`\`${name}\` .* is a Uint8Array whose buffer was transferred away`)],
];

const zones = (call: (zones: readonly kraft.Zone[]) => unknown, name: string): Row[] => [
  [() => call(wrong('*')), new RegExp(`\`${name}\` must be an array`)],
  [() => call(wrong([{ mode: 'ALL' }])), new RegExp(`\`${name}\\[0\\].pattern\` must be a string, and is undefined`)],
  [() => call(wrong([{ pattern: '*', mode: 'NO' }])), new RegExp(`\`${name}\\[0\\].mode\` must be one of`)],
  [() => call(wrong([{ pattern: '*', mode: 'ALL', floor: true }])), new RegExp(`\`${name}\\[0\\]\` has no option \`floor\``)],
  [() => call(wrong([{ pattern: '*', mode: 'ALL', strictness: 'floor' }])), new RegExp(`\`${name}\\[0\\].strictness\` must be one of DEFAULT, FLOOR`)],
];

const powers = (call: (survivors: kraft.Survivors) => unknown): Row[] =>
  [-1, 1.5, NaN, 'some', null].map((left) => [() => call(wrong(left)), /`survivors` must be 'none', 'all' or a whole number/]);

const identities = (call: (identity: kraft.Identity) => unknown): Row[] => [
  [() => call(wrong({ node: 1 })), /`identity.cluster` must be a string that is not empty, and is undefined/],
  [() => call({ cluster: '', node: 1 }), /`identity.cluster` must be a string that is not empty/],
  [() => call({ cluster: 'x', node: 1.5 }), /`identity.node` must be a whole number from 1/],
];

const commits = (call: (changes: readonly kraft.Change[], firmness: kraft.Firmness) => unknown): Row[] => [
  [() => call([], wrong('sync')), /`firmness` must be one of written, synced, and is the string 'sync'/],
  [() => call(wrong({}), 'synced'), /`changes` must be an array/],
  [() => call(wrong([{ kind: 'erase' }]), 'synced'), /`changes\[0\].kind` must be one of hardState, record, committed, install, compact/],
  [() => call(wrong([{ kind: 'record', first: 0, bytes: command }]), 'synced'), /`changes\[0\].first` must be a whole number/],
  [() => call(wrong([{ kind: 'record', first: 1, bytes: 'x' }]), 'synced'), /`changes\[0\].bytes` must be a Uint8Array/],
];

const memory = (): kraft.MemoryStorage => new kraft.MemoryDisk().attach();
const power = (): kraft.PowerStorage => new kraft.PowerStorage(memory());
const port = new MessageChannel().port1;

/** A row for everything that a program can call, by its name. */
const ENTRIES: Readonly<Record<string, readonly Row[]>> = {
  load: [
    [() => kraft.load(wrong(7)), /`source` must be bytes, a URL, a WebAssembly.Module or nothing, and is 7/],
    [() => kraft.load(wrong(null)), /`source` must be .*, and is null/],
    [() => kraft.load(wrong({})), /`source` must be .*, and is an object/],
  ],
  'Host.start': [
    [() => kraft.Host.start(wrong(undefined)), /`options` must be an object, and is undefined/],
    ...nodes((node) => started({ node })(), 'options.node'),
    ...nodes((node) => started({ voters: [1, node] })(), 'options.voters\\[1\\]'),
    ...nodes((node) => started({ learners: [node] })(), 'options.learners\\[0\\]'),
    [started({ node: 4 }), /node 4 is neither in `options.voters` nor in `options.learners`: .*`joins: 'LATER'`/],
    [started({ joins: 'LATER' }), /node 1 is a member when the cluster begins, and `options.joins` says LATER/],
    [started({ joins: true }), /`options.joins` must be one of FIRST, LATER, and is true/],
    [started({ voters: [] }), /`options.voters` is empty/],
    [started({ voters: [1, 2, 1] }), /`options.voters` has node 1 twice/],
    [started({ voters: new Set([1]) }), /`options.voters` must be an array, and is a Set/],
    [started({ learners: [2] }), /node 2 is among `options.voters` and `options.learners`/],
    [started({ voters: Array.from({ length: 16 }, (_, i) => i + 1) }), /16 members are more than 15/],
    [started({ cluster: '' }), /`options.cluster` must be a string that is not empty/],
    [started({ cluster: 7 }), /`options.cluster` must be a string/],
    [started({ storage: undefined }), /`options.storage` must be an object, and is undefined/],
    [started({ storage: new kraft.MemoryDisk() }), /`options.storage.commit` must be a function/],
    [started({ storage: kraft.IndexedDbStorage }), /`options.storage` must be an object, and is a function/],
    [started({ channel: new kraft.Hub() }), /`options.channel.send` must be a function/],
    [() => started({ channel: new kraft.Hub().join(2) })(), /`options.channel` is node 2's, and this is node 1/],
    [started({ machine: { apply: () => undefined } }), /`options.machine.snapshot` must be a function/],
    [started({ preset: 'fast' }), /`options.preset` must be one of financial, balanced/],
    [started({ durability: { batchsize: 1 } }), /`options.durability` has no option `batchsize`/],
    [started({ durability: { batchSize: 1.5 } }), /`options.durability.batchSize` must be a whole number/],
    [started({ durability: { lazyForce: NaN } }), /`options.durability.lazyForce` must be milliseconds/],
    [started({ durability: { onPowerLoss: 'protect' } }), /`options.durability.onPowerLoss` must be one of PROTECT, AVAILABLE/],
    [started({ durability: { leaderFsync: true } }), /`options.durability.leaderFsync` must be one of/],
    [started({ mode: 'FAST' }), /`options.mode` must be one of/],
    [started({ fsync: 'commit' }), /`options.fsync` must be one of/],
    ...zones((listed) => started({ zones: listed })(), 'options.zones'),
    [started({ timing: { electionMin: NaN, electionMax: 300, heartbeat: 50 } }), /`options.timing.electionMin` must be milliseconds/],
    [started({ timing: { electionMin: 150, electionMax: 300, heartbeat: 0 } }), /`options.timing.heartbeat` must be milliseconds/],
    [started({ timing: { electionMin: 150 } }), /`options.timing.electionMax` .* is undefined/],
    [started({ elections: { preVote: false } }), /`options.elections.preVote` must be one of ON, OFF, and is false/],
    [started({ elections: { leaseDriftPermille: -1 } }), /`options.elections.leaseDriftPermille` must be a whole number/],
    [started({ bounds: { appendsInFlight: 257 } }), /`options.bounds.appendsInFlight` must be a whole number from 1 to 255/],
    [started({ bounds: { clients: 1e9 } }), /`options.bounds.clients` must be a whole number from 1 to 65536/],
    [started({ bounds: { appendEntries: 0 } }), /`options.bounds.appendEntries`/],
    [started({ alerts: { lag: NaN } }), /`options.alerts.lag` must be a number/],
    [started({ alerts: { peerSilent: -1 } }), /`options.alerts.peerSilent` must be a number/],
    [started({ snapshotEvery: NaN }), /`options.snapshotEvery` must be a whole number from 1/],
    [started({ snapshotEvery: 0 }), /`options.snapshotEvery` must be a whole number from 1/],
    [started({ onEnd: 'stop' }), /`options.onEnd` must be a function/],
    [started({ onRole: null }), /`options.onRole` must be a function/],
    [started({ voter: [1] }), /`options` has no option `voter`, only cluster, node, voters/],
  ],
  'Host.propose': [...bytes((it) => host.propose(it), 'command'), ...asks((asked) => host.propose(command, asked))],
  'Host.classOf': asks((asked) => host.classOf(asked)),
  'Host.setZones': zones((listed) => host.setZones(listed), 'zones'),
  'Host.changeMembers': [
    [() => host.changeMembers(wrong({ kind: 'VOTER', node: 2 })), /`changes` must be an array, and is an object/],
    [() => host.changeMembers(wrong([null])), /`changes\[0\]` must be an object, and is null/],
    [() => host.changeMembers(wrong([{ kind: 'voter', node: 2 }])), /`changes\[0\].kind` must be one of VOTER, LEARNER, REMOVE/],
    ...nodes((node) => host.changeMembers([{ kind: 'LEARNER', node }]), 'changes\\[0\\].node'),
    [() => host.changeMembers(wrong([{ kind: 'VOTER', node: 2, store: 7 }])), /`changes\[0\].store` must be a bigint from 0 to 2\^64 - 1, and is 7/],
    [() => host.changeMembers([{ kind: 'VOTER', node: 2, store: -1n }]), /`changes\[0\].store` .* is the bigint -1n/],
    [() => host.changeMembers(wrong([{ kind: 'REMOVE', node: 2, store: 7n }])), /`changes\[0\]` has no option `store`/],
  ],
  'Host.read': [
    [() => host.read(wrong(at)), /`asked` has no option `term`, only after/],
    ...positions((after) => host.read(wrong({ after: after ?? null })), 'asked.after').slice(1),
  ],
  'Host.awaitCommit': [
    ...positions((of) => host.awaitCommit(of), 'of'),
    [() => host.awaitCommit(at, { timeout: NaN }), /`asked.timeout` must be milliseconds/],
    [() => host.awaitCommit(at, wrong({ mode: 'ALL' })), /`asked` has no option `mode`/],
  ],
  'Host.fate': positions((of) => host.fate(of), 'of'),
  'Host.transfer': nodes((node) => host.transfer(node), 'to'),
  'Host.entries': [
    ...nodes((from) => host.entries(from), 'from'),
    ...[-1, 1.5, NaN, 2 ** 32].map((limit): Row => [() => host.entries(1, limit), /`limit` must be a whole number from 0/]),
  ],
  'Host.command': nodes((index) => host.command(index), 'index'),
  'Zones.constructor': zones((listed) => new kraft.Zones(listed), 'zones'),
  'Zones.find': [[() => new kraft.Zones([]).find(wrong(7)), /`key` must be a string, and is 7/]],
  'Zones.resolve': [
    ...asks((asked) => new kraft.Zones([]).resolve(asked, 'x', { mode: 'SYNC', fsync: 'COMMIT' }, 3)),
    [() => new kraft.Zones([]).resolve({}, wrong(7), { mode: 'SYNC', fsync: 'COMMIT' }, 3), /`key` must be a string/],
    [() => new kraft.Zones([]).resolve({}, 'x', wrong({ mode: 'SYNC' }), 3), /`usual.fsync` must be one of/],
    [() => new kraft.Zones([]).resolve({}, 'x', { mode: 'SYNC', fsync: 'COMMIT' }, 0), /`voters` must be a whole number from 1 to 15/],
  ],
  presetOf: [[() => kraft.presetOf(wrong('fast')), /`preset` must be one of financial, balanced, low_latency, max_throughput/]],
  entriesOf: bytes((record) => kraft.entriesOf(record), 'record'),
  'Hub.join': [
    ...nodes((node) => hub.join(node)),
    [() => hub.join(1), /nobody joined: node 1 has; stop that node, or close the channel it has, first/],
  ],
  'Hub.sever': [...nodes((node) => hub.sever(node, 1)), ...nodes((node) => hub.sever(1, node))],
  'PortChannel.constructor': [
    ...nodes((node) => new kraft.PortChannel([[node, port]])),
    [() => new kraft.PortChannel(wrong([[1]])), /`port` must be an object, and is undefined/],
    [() => new kraft.PortChannel(wrong(7)), /`ports` must be pairs of a node's number and its port, and is 7/],
  ],
  'PortChannel.connect': [
    ...nodes((node) => new kraft.PortChannel().connect(node, port)),
    [() => new kraft.PortChannel().connect(1, wrong(new MessageChannel())), /`port.postMessage` must be a function/],
  ],
  'PortChannel.listen': [
    [() => new kraft.PortChannel().listen(wrong(undefined)), /`listener` must be a function/],
    [() => closed().listen(() => undefined), /this channel is closed; make another/],
  ],
  'IndexedDbStorage.constructor': [
    [() => new kraft.IndexedDbStorage(wrong('name')), /`options` must be an object/],
    [() => new kraft.IndexedDbStorage({ name: '' }), /`options.name` must be a string that is not empty/],
    [() => new kraft.IndexedDbStorage(wrong({ expect: 7 })), /`options.expect` must be a bigint from 1 to 2\^64 - 1, and is 7/],
    [() => new kraft.IndexedDbStorage({ expect: 0n }), /`options.expect` .* is the bigint 0n/],
    [() => new kraft.IndexedDbStorage(wrong({ expected: 7n })), /`options` has no option `expected`/],
  ],
  'IndexedDbStorage.open': identities((identity) => new kraft.IndexedDbStorage().open(identity)),
  'IndexedDbStorage.commit': commits((changes, firmness) => new kraft.IndexedDbStorage().commit(changes, firmness)),
  'MemoryStorage.open': identities((identity) => memory().open(identity)),
  'MemoryStorage.commit': commits((changes, firmness) => memory().commit(changes, firmness)),
  'MemoryDisk.cutPower': powers((left) => new kraft.MemoryDisk().cutPower(left)),
  'PowerStorage.constructor': [[() => new kraft.PowerStorage(wrong(new kraft.MemoryDisk())), /`inner.commit` must be a function/]],
  'PowerStorage.open': identities((identity) => power().open(identity)),
  'PowerStorage.commit': commits((changes, firmness) => power().commit(changes, firmness)),
  'PowerStorage.cut': powers((left) => power().cut(left)),
  databaseName: identities((identity) => kraft.databaseName(identity)),
  deleteDatabase: [[() => kraft.deleteDatabase(wrong(undefined)), /`name` must be a string that is not empty/]],
  whenEnded: [
    [() => kraft.whenEnded(wrong(undefined)), /`life` must be a `life` of a host's, and is undefined/],
    [() => kraft.whenEnded('kraft/checks/1'), /`life` must be a `life` of a host's, and is the string 'kraft\/checks\/1'/],
  ],
  atLeader: [
    [() => kraft.atLeader([], () => 1), /`nodes` must be an array that is not empty/],
    [() => kraft.atLeader(wrong([{}]), () => 1), /`nodes\[0\].node` must be a whole number/],
    [() => kraft.atLeader([host], wrong(undefined)), /`ask` must be a function/],
    [() => kraft.atLeader([host], () => 1, { timeout: NaN }), /`asked.timeout` must be milliseconds/],
  ],
  check: [
    [() => check(wrong(undefined), { seeds: [0, 1], turns: 1 }), /`make` must be a function/],
    [() => check(() => wrong({}) as Adapter, wrong({ seeds: [0, NaN], turns: 1 })), /`effort.seeds\[1\]` must be a whole number/],
  ],
};

/** What takes nothing, or only what the package hands out itself. */
const TAKE_NOTHING = [
  'Host.campaign', 'Host.view', 'Host.stop', 'Host.kill',
  'Hub.heal', 'PortChannel.send', 'PortChannel.close',
  'IndexedDbStorage.rewind', 'IndexedDbStorage.onEnd', 'IndexedDbStorage.close',
  'MemoryDisk.attach', 'MemoryDisk.kill', 'MemoryDisk.evict', 'PowerStorage.onEnd', 'PowerStorage.close',
  'Refused.constructor', 'StorageError.constructor',
];

const closed = (): kraft.PortChannel => {
  const channel = new kraft.PortChannel();
  channel.close();
  return channel;
};

for (const [name, rows] of Object.entries(ENTRIES)) {
  test(`${name} refuses what makes no sense, in words`, async () => {
    const { last } = host.view();
    for (const [call, says] of rows) {
      await assert.rejects(async () => call(), (error) => {
        assert(error instanceof kraft.Refused, `${error} instead of /${says.source}/`);
        assert.equal(error.why, 'INVALID');
        assert.match(error.message, says);
        return true;
      });
    }
    assert.equal(host.view().last, last, 'something was written');
  });
}

/** Everything that the declarations of the package let a program call: of a class, each constructor and method. */
async function publicNames(): Promise<string[]> {
  const folder = new URL('../', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.d.ts'));
  const declared = (await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')))).join('\n');
  return Object.entries(kraft).flatMap(([name, it]) => {
    if (typeof it !== 'function') return [];
    const [, body] = new RegExp(`^export declare class ${name}\\b.*?{\\n(.*?)^}`, 'ms').exec(declared) ?? [];
    if (body === undefined) return [name];
    return [...body.matchAll(/^ {4}(?:static )?(\w+)\(/gm)].map(([, method]) => `${name}.${method}`);
  });
}

test('every entry has its row', async () => {
  const called = await publicNames();
  assert(called.length > 40 && called.includes('Host.propose'), called.join());
  assert.deepEqual(called.filter((name) => !Object.keys(ENTRIES).includes(name) && !TAKE_NOTHING.includes(name)), []);
  console.log(`exercised ${Object.values(ENTRIES).flat().length} calls of ${Object.keys(ENTRIES).length} entries`);
});
