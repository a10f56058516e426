// Asking whoever leads: what is asked again, what is not, and that nothing is written twice.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Chance } from '../conformance/chance.js';
import { type Answer, atLeader, load, Refused } from '../index.js';
import { Cluster } from './cluster.js';

before(async () => {
  await load();
});

const refusal = (why: Refused['why'], leader?: number): Refused => new Refused(why, 'nothing was written', leader);

/** Nodes of which each says this, as often as it is asked, and whom was asked. */
function saying(...answers: readonly (Error | string)[]): { nodes: { node: number }[]; ask: (it: { node: number }) => Promise<string>; asked: number[] } {
  const asked: number[] = [];
  const nodes = answers.map((_, place) => ({ node: place + 1 }));
  const ask = async ({ node }: { node: number }): Promise<string> => {
    asked.push(node);
    const answer = answers[node - 1];
    if (typeof answer === 'string') return answer;
    throw answer;
  };
  return { nodes, ask, asked };
}

test('who refuses and names the leader sends there; who names nobody, to the next', async () => {
  const named = saying(refusal('NOT_LEADER', 3), 'two', 'three');
  assert.equal(await atLeader(named.nodes, named.ask), 'three');
  assert.deepEqual(named.asked, [1, 3]);
  const nobody = saying(refusal('BUSY'), refusal('STOPPED'), 'three');
  assert.equal(await atLeader(nobody.nodes, nobody.ask), 'three');
  assert.deepEqual(nobody.asked, [1, 2, 3]);
  const message = saying({ name: 'Refused', why: 'NOT_LEADER', leader: 2, message: 'came from a Worker' } as Refused, 'two');
  assert.equal(await atLeader(message.nodes, message.ask), 'two');
});

test('two that name each other, and a leader that is none of these, are not asked without a pause', async () => {
  const each = saying(refusal('NOT_LEADER', 2), refusal('NOT_LEADER', 1));
  await assert.rejects(atLeader(each.nodes, each.ask, { timeout: 100 }), { why: 'NOT_LEADER' });
  assert(each.asked.length < 20, `${each.asked.length} times`);
  const elsewhere = saying(refusal('NOT_LEADER', 9), refusal('NOT_LEADER', 9));
  await assert.rejects(atLeader(elsewhere.nodes, elsewhere.ask, { timeout: 100 }), { why: 'NOT_LEADER', leader: 9 });
  assert(elsewhere.asked.length < 20);
});

test('what makes no sense, and what has failed otherwise, is not asked again', async () => {
  for (const error of [refusal('INVALID'), refusal('BELOW_FLOOR'), refusal('LOST'), new Error('the Worker was terminated')]) {
    const once = saying(error, 'two');
    await assert.rejects(atLeader(once.nodes, once.ask), error);
    assert.deepEqual(once.asked, [1]);
  }
});

test('writes go to whoever leads through kills, and none is written twice', async () => {
  let asAsked = 0;
  let unknown = 0;
  for (const seed of [1, 2, 3, 4]) {
    const chance = new Chance(seed);
    const cluster = await Cluster.start();
    const answers = new Map<string, Answer>();
    for (let round = 0; round < 4; round++) {
      const writes = Array.from({ length: 8 }, async (_, i) => {
        const name = `${seed} ${round} ${i}`;
        const command = new TextEncoder().encode(name);
        answers.set(name, await atLeader([...cluster.hosts.values()], (host) => host.propose(command)));
      });
      await writes[chance.below(8)];
      const [leader] = await cluster.leader();
      cluster.kill(leader);
      await Promise.all(writes);
      await cluster.startNode(leader);
    }
    await cluster.put('last');
    await cluster.settled();
    for (const [id] of cluster.hosts) {
      const there = cluster.journal(id).commands;
      assert.equal(new Set(there).size, there.length, `node ${id} has something twice, seed ${seed}`);
      for (const [name, { grade }] of answers) if (grade === 'AS_ASKED') assert(there.includes(name), `${name} on node ${id}, seed ${seed}`);
    }
    for (const { grade } of answers.values()) grade === 'AS_ASKED' ? (asAsked += 1) : (unknown += 1);
    await cluster.stop();
  }
  console.log(`exercised ${asAsked} writes as asked and ${unknown} that were unknown, by 16 kills of a leader`);
  assert(asAsked > 60);
});
