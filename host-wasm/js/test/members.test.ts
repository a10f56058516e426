// Members that come and go, and zones: who decides, and what is refused by name.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { load, type MemberChange, type MembersNow, type Refused, Zones } from '../index.js';
import { Cluster, pause } from './cluster.js';

before(async () => {
  await load();
});

/** Asks whoever leads, again while it is busy or another change is under way. */
async function change(cluster: Cluster, changes: readonly MemberChange[]): Promise<void> {
  for (;;) {
    const [, host] = await cluster.leader();
    const refused = await host.changeMembers(changes).then(
      () => undefined,
      (error: Refused) => error,
    );
    if (refused === undefined) break;
    if (!['BUSY', 'UNDER_WAY', 'NOT_LEADER'].includes(refused.why)) throw refused;
    await pause();
  }
  while ((await cluster.leader())[1].view().members.outgoing.length > 0) await pause();
}

test('a learner joins, is promoted, and voters are swapped by way of both majorities', async () => {
  const cluster = await Cluster.start();
  await cluster.put('before');
  await cluster.startNode(4);
  await change(cluster, [{ kind: 'LEARNER', node: 4 }]);
  await cluster.put('as a learner');
  await cluster.settled();
  assert.deepEqual(cluster.journal(4).commands, ['before', 'as a learner']);
  assert.deepEqual((await cluster.leader())[1].view().members, { voters: [1, 2, 3], outgoing: [], learners: [4] });
  await change(cluster, [{ kind: 'VOTER', node: 4 }]);
  await cluster.startNode(5);
  const [leader] = await cluster.leader();
  const leaving = [1, 2, 3].find((id) => id !== leader) ?? 1;
  await change(cluster, [{ kind: 'VOTER', node: 5 }, { kind: 'REMOVE', node: leaving }]);
  const voters = [1, 2, 3, 4, 5].filter((id) => id !== leaving);
  assert.deepEqual((await cluster.leader())[1].view().members, { voters, outgoing: [], learners: [] });
  const { mode, held } = await cluster.put('by all of them', { mode: 'ALL' });
  assert.deepEqual([mode, held], ['ALL', 'SYNCED']);
  cluster.kill(leaving);
  await cluster.settled();
  assert.deepEqual(cluster.journal(5).commands, ['before', 'as a learner', 'by all of them']);
  const configurations = (await cluster.leader())[1].entries().filter(({ kind }) => kind === 'CONFIGURATION');
  assert.equal(configurations.length, 4, 'two simple changes, the joint one, and leaving it');
  await cluster.stop();
});

test('a node hears who the members are, and one that was removed while it was away, that it is none', async () => {
  const cluster = await Cluster.start();
  await cluster.startNode(4);
  await change(cluster, [{ kind: 'LEARNER', node: 4 }]);
  await cluster.settled();
  const joined = { voters: [1, 2, 3], outgoing: [], learners: [4] };
  // Who appends the entry hears of it before it is committed; others may hear of both at once.
  const [leader] = await cluster.leader();
  assert.deepEqual(cluster.told.get(leader)?.map(({ at, agreed }) => [at > 0, agreed]), [
    [true, 'PENDING'],
    [true, 'COMMITTED'],
  ]);
  const last = (): MembersNow | undefined => cluster.told.get(4)?.at(-1);
  while (last()?.own !== 'LEARNER' || last()?.agreed !== 'COMMITTED') await pause();
  assert.deepEqual(last()?.members, joined);
  cluster.kill(4);
  await change(cluster, [{ kind: 'REMOVE', node: 4 }]);
  await cluster.startNode(4);
  while (last()?.own !== 'LEFT_OUT') await pause();
  const { agreed, members } = last() ?? {};
  assert.deepEqual([agreed, members], ['COMMITTED', joined], 'it has no newer ones in its own log');
  await cluster.stop();
});

test('a change that makes no sense is refused by name', async () => {
  const cluster = await Cluster.start();
  await cluster.put('one');
  const [leader, host] = await cluster.leader();
  const follower = cluster.host(leader === 1 ? 2 : 1);
  await assert.rejects(follower.changeMembers([{ kind: 'REMOVE', node: 3 }]), { why: 'NOT_LEADER', leader });
  const refused: [MemberChange[], Refused['why']][] = [
    [[], 'UNCHANGED'],
    [[{ kind: 'VOTER', node: 1 }], 'UNCHANGED'],
    [[{ kind: 'REMOVE', node: 9 }], 'NOT_MEMBER'],
    [[1, 2, 3].map((node) => ({ kind: 'REMOVE', node })), 'NO_CLUSTER'],
  ];
  for (const [changes, why] of refused) await assert.rejects(host.changeMembers(changes), { name: 'Refused', why });
  assert.throws(() => host.transfer(9), { why: 'NOT_MEMBER' });
  assert.throws(() => host.transfer(leader), { why: 'UNCHANGED' });
  for (const id of [1, 2, 3]) if (id !== leader) cluster.hub.sever(leader, id);
  const first = host.changeMembers([{ kind: 'LEARNER', node: 4 }]);
  await assert.rejects(host.changeMembers([{ kind: 'LEARNER', node: 5 }]), { why: 'UNDER_WAY' });
  first.catch(() => undefined);
  cluster.hub.heal();
  await cluster.stop();
});

test('a key gets its zone\'s class, a request its own, and a floor forbids less', async () => {
  const zones = new Zones([
    { pattern: 'account:*', mode: 'ALL', fsync: 'ALWAYS', strictness: 'FLOOR' },
    { pattern: 'metric:?', fsync: 'NONE' },
    { pattern: '*', mode: 'AT_LEAST_2' },
  ]);
  const usual = { mode: 'SYNC', fsync: 'COMMIT' } as const;
  assert.deepEqual(zones.resolve({}, 'account:7', usual, 3), { mode: 'ALL', fsync: 'ALWAYS' });
  assert.deepEqual(zones.resolve({}, 'metric:7', usual, 3), { mode: 'SYNC', fsync: 'NONE' });
  assert.deepEqual(zones.resolve({ mode: 'ASYNC' }, 'metric:7', usual, 3), { mode: 'ASYNC', fsync: 'NONE' });
  assert.deepEqual(zones.resolve({}, 'metric:77', usual, 3), { mode: 'AT_LEAST_2', fsync: 'COMMIT' });
  assert.deepEqual(zones.resolve({}, undefined, usual, 3), usual);
  assert.equal(zones.find('metric:7')?.fsync, 'NONE');
  assert.throws(() => zones.resolve({ fsync: 'COMMIT' }, 'account:7', usual, 3), { why: 'BELOW_FLOOR', message: /floor of zone 1/ });
  assert.throws(() => zones.resolve({ mode: 'AT_LEAST_4' }, 'x', usual, 3), { why: 'INVALID' });
  assert.throws(() => new Zones([{ pattern: '', mode: 'ALL' }]), /empty pattern/);
  assert.throws(() => new Zones([{ pattern: 'x' }]), /neither a mode nor an fsync mode/);
  const cluster = await Cluster.start({ zones: zones.listed });
  const { mode, held } = await cluster.put('seven', { key: 'metric:7' });
  assert.deepEqual([mode, held], ['SYNC', 'WRITTEN']);
  const [, host] = await cluster.leader();
  await assert.rejects(host.propose(new Uint8Array(1), { key: 'account:1', mode: 'SYNC' }), { why: 'BELOW_FLOOR' });
  host.setZones([]);
  assert.deepEqual(host.classOf({ key: 'account:1' }), usual);
  await cluster.stop();
});

test('a node that was away for seventy leaders is fed from the log: the host has every term', async () => {
  const cluster = await Cluster.start();
  await cluster.put('before');
  cluster.kill(3);
  for (let leaders = 0; leaders < 70; ) {
    const [leader, host] = await cluster.leader();
    try {
      host.transfer(leader === 1 ? 2 : 1);
    } catch (error) {
      if (!['BUSY', 'UNDER_WAY', 'NOT_LEADER'].includes((error as Refused).why)) throw error;
      await pause();
      continue;
    }
    const { term } = host.view();
    while ((await cluster.leader())[1].view().term === term) await pause();
    leaders += 1;
    if (leaders % 10 === 0) await cluster.put(`after ${leaders}`);
  }
  const terms = new Set((await cluster.leader())[1].entries().map((entry) => entry.term));
  assert.ok(terms.size > 64, `${terms.size} terms are more than the core keeps`);
  await cluster.startNode(3);
  await cluster.settled();
  assert.deepEqual(cluster.journal(3).commands, ['before', ...[1, 2, 3, 4, 5, 6, 7].map((tens) => `after ${tens * 10}`)]);
  await cluster.stop();
});
