// What a page is shown of a node: its log, its messages by mode, what is at risk, alerts.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { type About, type Channel, entriesOf, Host, Hub, load, MemoryDisk, type Peer, presetOf } from '../index.js';
import { Cluster, pause } from './cluster.js';
import { Journal } from './journal.js';

before(async () => {
  await load();
});

test('a log is shown entry by entry: class as asked, how it is held, how far it has come', async () => {
  const cluster = await Cluster.start();
  await cluster.put('first', { mode: 'ALL', fsync: 'ALWAYS' });
  const { index } = await cluster.put('second', { mode: 'SYNC', fsync: 'COMMIT' });
  await cluster.settled();
  const [leader, host] = await cluster.leader();
  while (host.view().synced < index) await pause();
  const entries = host.entries();
  assert.deepEqual(entries.map((entry) => entry.index), Array.from({ length: index }, (_, at) => at + 1));
  assert.equal(entries[0]?.kind, 'NO_OP');
  const { term } = host.view();
  assert.deepEqual(entries.at(-1), {
    index, term, kind: 'COMMAND', mode: 'SYNC', fsync: 'COMMIT', bytes: 6, held: 'SYNCED', stage: 'APPLIED',
  });
  assert.deepEqual(entries.at(-2)?.mode, 'ALL');
  assert.deepEqual(host.entries(index, 1).map((entry) => entry.index), [index]);
  assert.equal(new TextDecoder().decode(host.command(index)), 'second');
  const follower = cluster.host(leader === 1 ? 2 : 1);
  assert.deepEqual(follower.entries().map(({ mode, bytes }) => [mode, bytes]).slice(-2), [['ALL', 5], ['SYNC', 6]]);
  await cluster.stop();
  const { records } = await cluster.disk(leader).attach().open({ cluster: 'test', node: leader });
  const stored = records.flatMap(({ bytes }) => entriesOf(bytes));
  assert.deepEqual(stored.map(({ index, kind, bytes }) => ({ index, kind, bytes })).slice(-1), [{ index, kind: 'COMMAND', bytes: 6 }]);
  assert.deepEqual(entriesOf(new Uint8Array(3)), []);
});

test('an append says which mode it serves, other messages only what they are', async () => {
  const hub = new Hub();
  const sent: About[] = [];
  const hosts = await Promise.all([1, 2, 3].map((node) => {
    const inner = hub.join(node);
    const channel: Channel = {
      send: (to, message, about) => {
        sent.push(about);
        inner.send(to, message, about);
      },
      listen: (listener) => inner.listen(listener),
      close: () => inner.close(),
    };
    return Host.start({ cluster: 'tags', node, voters: [1, 2, 3], storage: new MemoryDisk().attach(), channel, machine: new Journal() });
  }));
  const leader = async (): Promise<Host> => {
    for (;;) {
      const found = hosts.find((host) => host.view().role === 'LEADER' && host.view().commit > 0);
      if (found) return found;
      await pause();
    }
  };
  for (const [mode, fsync] of [['ALL', 'ALWAYS'], ['LEADER_ONLY', 'NONE'], ['AT_LEAST_2', 'COMMIT']] as const) {
    await (await leader()).propose(new Uint8Array(4), { mode, fsync });
    while ((await leader()).view().commit < (await leader()).view().last) await pause();
    const tagged = sent.splice(0).filter(({ mode: tag }) => tag === mode);
    assert(tagged.some(({ kind, entries, fsync: tag }) => kind === 'APPEND' && entries === 1 && tag === fsync), `${mode} ${fsync}`);
  }
  while (!sent.some(({ kind }) => kind === 'HEARTBEAT')) await pause();
  for (const about of sent.filter(({ entries }) => entries === 0)) assert.deepEqual([about.mode, about.fsync], [undefined, undefined]);
  await Promise.all(hosts.map((host) => host.stop()));
});

test('what was acknowledged and is not committed is at risk, in bytes, and an alert beyond its threshold', async () => {
  const cluster = await Cluster.start({ alerts: { bytesAtRisk: 99 } });
  await cluster.put('committed');
  const [leader, host] = await cluster.leader();
  const others = [1, 2, 3].filter((id) => id !== leader);
  for (const other of others) cluster.hub.sever(leader, other);
  const command = new Uint8Array(50);
  await host.propose(command, { mode: 'LEADER_ONLY', fsync: 'NONE' });
  const once = host.view();
  assert.deepEqual([once.atRisk.entries, once.atRisk.bytes], [1, 50]);
  assert.deepEqual(once.alerts.filter(({ kind }) => kind === 'DATA_AT_RISK'), []);
  const { term, index } = await host.propose(command, { mode: 'LEADER_ONLY', fsync: 'NONE' });
  const twice = host.view();
  assert.deepEqual([twice.atRisk.entries, twice.atRisk.bytes], [2, 100]);
  assert(twice.atRisk.ms >= once.atRisk.ms);
  const alert = twice.alerts.find(({ kind }) => kind === 'DATA_AT_RISK');
  assert.deepEqual([alert?.value, alert?.threshold], [100, 99]);
  assert.match(alert?.text ?? '', /100 acknowledged bytes/);
  assert.deepEqual(twice.peers.map(({ node, lag }) => [node, (lag?.entries ?? 0) > 0]), others.map((node) => [node, true]));
  // Others elect a leader that has neither, and commit: both are lost, and no longer at risk.
  cluster.hosts.delete(leader);
  await cluster.put('instead');
  cluster.hub.heal();
  while (host.fate({ term, index }) !== 'LOST') await pause();
  assert.deepEqual(host.view().atRisk, { entries: 0, bytes: 0, ms: 0 });
  cluster.hosts.set(leader, host);
  await cluster.stop();
});

test('of a node that was not heard since the leader changed nothing is known, which is not zero, and it is told as silent', async () => {
  const cluster = await Cluster.start({ alerts: { peerSilent: 300 } });
  await cluster.put('before');
  await cluster.settled();
  const [first] = await cluster.leader();
  await cluster.put('held by everybody');
  while ([1, 2, 3].some((id) => cluster.host(id).view().synced < 3)) await pause();
  // The leader is cut off for good: the two others elect one of theirs.
  for (const other of [1, 2, 3].filter((id) => id !== first)) cluster.hub.sever(first, other);
  const cut = cluster.host(first);
  cluster.hosts.delete(first);
  const [, host] = await cluster.leader();
  const peer = (): Peer => host.view().peers.find(({ node }) => node === first) ?? assert.fail('no such peer');
  const { silent, ...unknown } = peer();
  assert.deepEqual(unknown, { node: first, heard: undefined, trust: undefined, written: undefined, synced: undefined, lag: undefined });
  assert(silent >= 0);
  await cluster.put('without it');
  while (!host.view().alerts.some(({ kind }) => kind === 'PEER_SILENT')) await pause();
  const { alerts } = host.view();
  const told = alerts.find(({ kind }) => kind === 'PEER_SILENT');
  assert.match(told?.text ?? '', /a peer has not told what it holds for \d+(\.\d+)?m?s \(more than 300ms\)/);
  assert(peer().silent > 300);
  const known = host.view().peers.find(({ node }) => node !== first);
  assert.deepEqual([known?.trust, typeof known?.written, typeof known?.lag?.ms], ['CLEAN', 'number', 'number']);
  cluster.hub.heal();
  while (peer().written !== host.view().last) await pause();
  assert.deepEqual([peer().trust, peer().lag], ['CLEAN', { entries: 0, ms: 0 }]);
  assert((peer().heard ?? Infinity) < 300);
  cluster.hosts.set(first, cut);
  await cluster.stop();
});

test('a preset is every option by name, and what is given beside it wins', async () => {
  const financial = presetOf('financial');
  assert.deepEqual([financial.mode, financial.fsync, financial.allTimeout], ['ALL', 'ALWAYS', 10_000]);
  assert.deepEqual(presetOf('low_latency').batchFsyncInterval, 10);
  const cluster = await Cluster.start({ preset: 'low_latency', durability: { batchFsyncCount: 7 }, fsync: 'NONE' });
  const [, host] = await cluster.leader();
  const { mode, fsync, batchFsyncCount, batchFsyncInterval } = host.durability;
  assert.deepEqual([mode, fsync, batchFsyncCount, batchFsyncInterval], ['LEADER_ONLY', 'NONE', 7, 10]);
  const answer = await cluster.put('by default');
  assert.deepEqual([answer.mode, answer.held], ['LEADER_ONLY', 'WRITTEN']);
  await cluster.stop();
  await assert.rejects(Cluster.start({ durability: { batchSize: 0 } }), /batch_size is 0/);
});
