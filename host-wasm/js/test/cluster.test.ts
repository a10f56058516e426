// Hosts over the core: what clients hear, and what outlives which failure.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { type CommitMode, type FsyncMode, type HeldAs, load, type Storage } from '../index.js';
import { Chance } from '../conformance/chance.js';
import { Cluster } from './cluster.js';

let cluster: Cluster;

before(async () => {
  await load();
});


const CLASSES: readonly [CommitMode, FsyncMode, HeldAs][] = [
  ['ASYNC', 'NONE', 'ACCEPTED'],
  ['LEADER_ONLY', 'NONE', 'WRITTEN'],
  ['LEADER_ONLY', 'COMMIT', 'SYNCED'],
  ['AT_LEAST_2', 'BATCH', 'WRITTEN'],
  ['SYNC', 'NONE', 'WRITTEN'],
  ['SYNC', 'COMMIT', 'SYNCED'],
  ['ALL', 'BATCH', 'WRITTEN'],
  ['ALL', 'ALWAYS', 'SYNCED'],
];

test('every class is answered as asked, with its evidence', async () => {
  cluster = await Cluster.start();
  for (const [mode, fsync, held] of CLASSES) {
    const answer = await cluster.put(`${mode} ${fsync}`, { mode, fsync });
    assert.equal(answer.grade, 'AS_ASKED');
    assert.equal(answer.mode, mode);
    assert.equal(answer.held, held, `${mode} ${fsync}`);
  }
  await cluster.settled();
  for (const id of [1, 2, 3]) assert.equal(cluster.journal(id).commands.length, CLASSES.length);
  await cluster.stop();
});

test('a cluster that was stopped goes on where it was, and trusts itself', async () => {
  cluster = await Cluster.start();
  for (let i = 0; i < 20; i++) await cluster.put(`before ${i}`, { mode: 'SYNC', fsync: 'NONE' });
  await cluster.stop();
  for (const id of [1, 2, 3]) await cluster.startNode(id);
  assert.deepEqual([...cluster.hosts.values()].map((host) => host.view().trust), ['CLEAN', 'CLEAN', 'CLEAN']);
  await cluster.put('after');
  await cluster.settled();
  for (const id of [1, 2, 3]) assert.equal(cluster.journal(id).commands.length, 21);
  await cluster.stop();
});

test('a node that starts alone knows what it had been told was committed, and what became of old entries', async () => {
  cluster = await Cluster.start();
  const first = await cluster.put('first');
  for (let i = 0; i < 10; i++) await cluster.put(`${i}`);
  await cluster.settled();
  await cluster.stop();
  await cluster.startNode(2);
  const host = cluster.host(2);
  assert.equal(cluster.journal(2).commands.length, 11);
  assert(host.view().commit >= first.index + 10);
  assert.equal(host.fate(first), 'COMMITTED');
  await cluster.stop();
});

test('what was told as committed counts only if the log has exactly that entry', async () => {
  cluster = await Cluster.start();
  const { term, index } = await cluster.put('one');
  await cluster.settled();
  await cluster.stop();
  const told = [
    { committed: { term, index }, commit: index },
    { committed: { term: term + 1, index }, commit: 0 },
    { committed: { term, index: index + 1 }, commit: 0 },
    { committed: undefined, commit: 0 },
  ];
  for (const { committed, commit } of told) {
    const inner = cluster.disk(1).attach();
    const storage: Storage = {
      open: async (identity) => ({ ...(await inner.open(identity)), committed }),
      commit: (changes, firmness) => inner.commit(changes, firmness),
      onEnd: () => undefined,
      close: () => inner.close(),
    };
    await cluster.startNode(1, storage);
    assert.equal(cluster.host(1).view().commit, commit, JSON.stringify(committed));
    assert.deepEqual(cluster.journal(1).commands, commit === 0 ? [] : ['one']);
    cluster.kill(1);
  }
});

test('what a majority synced outlives the power of all', async () => {
  cluster = await Cluster.start();
  const synced = await cluster.put('synced');
  const alone = await cluster.put('alone', { mode: 'LEADER_ONLY', fsync: 'NONE' });
  assert.deepEqual([synced.held, alone.held], ['SYNCED', 'WRITTEN']);
  for (const id of [1, 2, 3]) cluster.cutPower(id);
  for (const id of [1, 2, 3]) await cluster.startNode(id);
  await cluster.put('after');
  await cluster.settled();
  for (const id of [1, 2, 3]) assert.equal(cluster.journal(id).commands[0], 'synced');
  const [, leader] = await cluster.leader();
  assert.equal(leader.fate(synced), 'COMMITTED');
  await cluster.stop();
});

test('a node whose power went while its copies were relied on is suspect until a leader trusts it', async () => {
  cluster = await Cluster.start();
  const [leader] = await cluster.leader();
  const follower = leader === 1 ? 2 : 1;
  await cluster.put('relied on', { mode: 'ALL', fsync: 'NONE' });
  cluster.cutPower(follower);
  await cluster.startNode(follower);
  assert.equal(cluster.host(follower).view().trust, 'SUSPECT');
  while (cluster.host(follower).view().trust === 'SUSPECT') await cluster.put('more');
  await cluster.settled();
  assert.equal(cluster.journal(follower).commands[0], 'relied on');
  await cluster.stop();
});

test('a linearizable read sees every write acknowledged before it', async () => {
  cluster = await Cluster.start();
  const { index } = await cluster.put('seen', { mode: 'SYNC', fsync: 'NONE' });
  const [, leader] = await cluster.leader();
  assert((await leader.read()) >= index);
  await cluster.stop();
});

test('a store of another node is refused, and an end by itself is told', async () => {
  cluster = await Cluster.start();
  await cluster.put('one');
  await cluster.stop();
  await assert.rejects(cluster.disk(1).attach().open({ cluster: 'test', node: 2 }), { kind: 'foreign' });
});

test('acknowledged writes outlive kills and power cuts of one node after the other', async () => {
  let acked = 0;
  let crashes = 0;
  for (const seed of [1, 2, 3]) {
    const chance = new Chance(seed);
    cluster = await Cluster.start();
    const told: string[] = [];
    for (let round = 0; round < 8; round++) {
      const fsync = chance.of<FsyncMode>(['NONE', 'BATCH', 'COMMIT']);
      const writes = Array.from({ length: 10 }, async (_, i) => {
        const name = `${seed} ${round} ${i}`;
        const answer = await cluster.put(name, { mode: 'SYNC', fsync });
        if (answer.grade === 'AS_ASKED') told.push(name);
      });
      const victim = 1 + chance.below(3);
      await writes[chance.below(10)];
      if (chance.below(2) === 0) cluster.kill(victim);
      else cluster.cutPower(victim, chance.of(['none', 1, 'all'] as const));
      crashes += 1;
      await Promise.allSettled(writes);
      await cluster.startNode(victim);
      await cluster.put('round');
    }
    await cluster.settled();
    for (const id of [1, 2, 3]) {
      const there = new Set(cluster.journal(id).commands);
      assert.deepEqual(told.filter((name) => !there.has(name)), [], `node ${id}, seed ${seed}`);
    }
    acked += told.length;
    await cluster.stop();
  }
  console.log(`exercised ${acked} acknowledged writes, ${crashes} crashes`);
  assert(acked > 50 && crashes === 24);
});
