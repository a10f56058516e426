// How a node ends: what those hear who wait, what it lets go of, and what is not its fault.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Host, Hub, IndexedDbStorage, load, MemoryDisk, PortChannel, Refused, type StateMachine, type Storage, StorageError, whenEnded } from '../index.js';
import { alone } from './alone.js';
import { Cluster, pause } from './cluster.js';
import { Journal } from './journal.js';

before(async () => {
  await load();
});

const STEADY = { timing: { electionMin: 1000, electionMax: 2000, heartbeat: 50 } } as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const how of ['stop', 'kill'] as const) {
  test(`a write under way when its node ends by ${how}() is unknown, not refused, and others know its fate`, async () => {
    const cluster = await Cluster.start(STEADY);
    const before = await cluster.put('before');
    await cluster.settled();
    const [id, host] = await cluster.leader();
    for (const other of [1, 2, 3].filter((each) => each !== id)) cluster.kill(other);
    const write = host.propose(bytes('under way'));
    while (host.view().synced <= before.index) await pause();
    await host[how]();
    const answer = await write;
    assert.deepEqual(answer, { term: answer.term, index: before.index + 1, grade: 'UNKNOWN', mode: 'SYNC', held: undefined });
    // Of the two that are back only the one that has it can be elected: it is committed after all.
    cluster.hosts.delete(id);
    const [some = 1] = [1, 2, 3].filter((each) => each !== id);
    for (const node of [id, some]) await cluster.startNode(node);
    await cluster.put('after');
    const [, next] = await cluster.leader();
    assert.equal(next.fate(answer), 'COMMITTED');
    await cluster.stop();
  });
}

/** A node whose state machine does this, and why it ends once it is asked to apply. */
async function endOf(machine: Partial<StateMachine>, commands: number): Promise<Error> {
  let ended: (reason: Error) => void = () => undefined;
  const reason = new Promise<Error>((resolve) => (ended = resolve));
  const given: StateMachine = { apply: () => undefined, snapshot: () => new Uint8Array(1), restore: () => undefined, ...machine };
  const { host } = await alone({ machine: given, onEnd: ended, snapshotEvery: 2 });
  for (let i = 0; i < commands; i++) await host.propose(bytes('x')).catch(() => undefined);
  return reason;
}

test('a state machine that throws, or whose snapshot is no bytes, ends its node, which says so', async () => {
  const apply = (): never => {
    throw new Error('no such account');
  };
  assert.match((await endOf({ apply }, 1)).message, /^the state machine threw in apply\(\) of entry \d+; the node has ended: no such account$/);
  const snapshot = (): never => {
    throw new Error('not now');
  };
  assert.match((await endOf({ snapshot }, 3)).message, /^the state machine threw in snapshot\(\); the node has ended: not now$/);
  const said = /what snapshot\(\) of the state machine returned` must be a Uint8Array, and is/;
  assert.match((await endOf({ snapshot: () => 'state' as never }, 3)).message, said);
  assert.match((await endOf({ snapshot: (async () => new Uint8Array(1)) as never }, 3)).message, /is a Promise/);
});

test('a channel that throws has dropped the message, and the node goes on', async () => {
  const hub = new Hub();
  let thrown = 0;
  const start = (node: number): Promise<Host> => {
    const inner = hub.join(node);
    const channel = {
      send(...given: Parameters<typeof inner.send>): void {
        if (thrown < 20 && given[2].kind === 'APPEND') {
          thrown += 1;
          throw new Error('not open yet');
        }
        inner.send(...given);
      },
      listen: inner.listen.bind(inner),
      close: inner.close.bind(inner),
    };
    return Host.start({ cluster: 'throws', node, voters: [1, 2], storage: new MemoryDisk().attach(), channel, machine: new Journal() });
  };
  const hosts = await Promise.all([1, 2].map(start));
  while (!hosts.some((host) => host.view().role === 'LEADER' && host.view().commit > 0)) await pause();
  assert.equal(thrown, 20);
  await Promise.all(hosts.map((host) => host.stop()));
});

test('a start that fails lets go of its store and its channel', async () => {
  const hub = new Hub();
  const disk = new MemoryDisk();
  const machine = new Journal();
  const broken = { open: async () => ({ store: 7 }), commit: async () => undefined, onEnd: () => undefined, close: () => closed.push('store') };
  const closed: string[] = [];
  const start = (storage: Storage): Promise<Host> => Host.start({ cluster: 'again', node: 1, voters: [1], storage, channel: hub.join(1), machine });
  await assert.rejects(start(broken as never), /`what open\(\) of the store returned.store` must be a bigint/);
  assert.deepEqual(closed, ['store']);
  const storage = disk.attach();
  const host = await start(storage);
  assert.throws(() => hub.join(1), /node 1 has/);
  const other = { cluster: 'again', node: 1, voters: [1], machine };
  await assert.rejects(Host.start({ ...other, storage, channel: new Hub().join(1) }), /`options.storage` is another node's, which runs on it/);
  await host.stop();
  await (await start(disk.attach())).stop();
});

test('a channel that is closed says so to who would use it again', async () => {
  const channel = new PortChannel();
  const given = { cluster: 'closed', node: 1, voters: [1], channel, machine: new Journal() };
  await (await Host.start({ ...given, storage: new MemoryDisk().attach() })).stop();
  await assert.rejects(Host.start({ ...given, storage: new MemoryDisk().attach() }), /nobody is reached: this channel is closed; make another/);
});

test('who is told of a role and throws does not end the node', async () => {
  const ordinary = globalThis.setTimeout;
  const reported = new Promise<unknown>((resolve) => {
    const watched = (work: () => void, ms?: number): NodeJS.Timeout =>
      ordinary(() => {
        try {
          work();
        } catch (error) {
          resolve(error);
        }
      }, ms);
    globalThis.setTimeout = watched as typeof globalThis.setTimeout;
  });
  let told = 0;
  const onRole = (): void => {
    told += 1;
    if (told === 1) throw new Error('in onRole');
  };
  const { host } = await alone({ onRole });
  assert.equal(((await reported) as Error).message, 'in onRole');
  globalThis.setTimeout = ordinary;
  await host.propose(bytes('x'));
  await host.stop();
});

test('where there is no IndexedDB, and where nobody can be watched, that is said, and what to do', async () => {
  await assert.rejects(new IndexedDbStorage().open({ cluster: 'x', node: 1 }), (error) => {
    assert(error instanceof StorageError);
    assert.equal(error.kind, 'unavailable');
    assert.match(error.message, /there is no IndexedDB: this is no browser. In Node use `MemoryDisk`/);
    return true;
  });
  if (globalThis.navigator?.locks !== undefined) return;
  const { host } = await alone();
  assert.equal(host.life, undefined);
  await assert.rejects(whenEnded('kraft-life/anybody'), { name: 'StorageError', kind: 'unavailable', message: /web locks are missing: serve the page over https/ });
  await host.stop();
  await assert.rejects(host.propose(bytes('x')), (error) => error instanceof Refused && error.why === 'STOPPED');
});
