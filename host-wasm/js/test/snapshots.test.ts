// Snapshots: a log that does not grow without end, and nodes that were away for too long.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { load } from '../index.js';
import { Cluster } from './cluster.js';

before(async () => {
  await load();
});

/** Puts so many commands, some at a time. */
async function putAll(cluster: Cluster, from: number, count: number): Promise<string[]> {
  const commands = Array.from({ length: count }, (_, i) => `command ${from + i}`);
  for (const command of commands) {
    const answer = await cluster.put(command, { mode: 'SYNC', fsync: 'NONE' });
    assert.equal(answer.grade, 'AS_ASKED');
  }
  return commands;
}

/** What a node's disk holds, when nobody has it. */
async function found(cluster: Cluster, node: number): Promise<{ snapshot: number; records: number }> {
  const { snapshot, records } = await cluster.disk(node).attach().open({ cluster: 'test', node });
  return { snapshot: snapshot?.last ?? 0, records: records.length };
}

test('a snapshot takes the place of the log, and a node starts from it', async () => {
  const cluster = await Cluster.start({ snapshotEvery: 20 });
  const told = await putAll(cluster, 0, 110);
  await cluster.settled();
  await cluster.stop();
  for (const id of [1, 2, 3]) {
    const { snapshot, records } = await found(cluster, id);
    assert(snapshot >= 80, `node ${id} has a snapshot through ${snapshot}`);
    assert(records <= 40, `node ${id} has ${records} records`);
  }
  for (const id of [1, 2, 3]) await cluster.startNode(id);
  told.push(...(await putAll(cluster, 110, 10)));
  await cluster.settled();
  for (const id of [1, 2, 3]) assert.deepEqual(cluster.journal(id).commands, told, `node ${id}`);
  await cluster.stop();
});

test('a node that was away for longer than the log goes back is sent a snapshot', async () => {
  const cluster = await Cluster.start({ snapshotEvery: 20 });
  const told = await putAll(cluster, 0, 10);
  const [leader] = await cluster.leader();
  const away = leader === 1 ? 2 : 1;
  cluster.kill(away);
  told.push(...(await putAll(cluster, 10, 90)));
  await cluster.startNode(away);
  told.push(...(await putAll(cluster, 100, 5)));
  await cluster.settled();
  assert.deepEqual(cluster.journal(away).commands, told);
  await cluster.stop();
  assert((await found(cluster, away)).snapshot >= 80);
});

test('a power cut in the middle of it leaves the old log or the snapshot', async () => {
  let cuts = 0;
  for (const survivors of ['none', 1, 2, 'all'] as const) {
    const cluster = await Cluster.start({ snapshotEvery: 10 });
    const told: string[] = [];
    for (let round = 0; round < 4; round++) {
      told.push(...(await putAll(cluster, round * 12, 12)));
      const [leader] = await cluster.leader();
      const victim = 1 + ((leader + round) % 3);
      cluster.cutPower(victim, survivors);
      cuts += 1;
      await cluster.startNode(victim);
    }
    await cluster.put('last');
    await cluster.settled();
    for (const id of [1, 2, 3]) {
      assert.deepEqual(cluster.journal(id).commands, [...told, 'last'], `node ${id}, of the unsynced ${survivors} stay`);
    }
    await cluster.stop();
  }
  console.log(`exercised ${cuts} power cuts`);
});
