// What can be asked of a write that has been answered: a read that sees it, a stronger answer, and what becomes of both
// where it is lost.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { type Asked, type Host, load, type Position, Refused } from '../index.js';
import { Cluster, pause } from './cluster.js';

before(async () => {
  await load();
});

/** A write that only its leader holds, until something stronger comes. */
const WEAK: Asked = { mode: 'LEADER_ONLY', fsync: 'NONE' };

/** Who leads goes on leading, however busy the machine is. */
const STEADY = { timing: { electionMin: 1000, electionMax: 2000, heartbeat: 50 } } as const;

/** And nothing is forced by itself. */
const LAZY = { ...STEADY, durability: { lazyForce: 3_600_000 } } as const;

/** The name of the refusal, once the node hears a leader. */
async function refusedRead(host: Host, after: Position): Promise<string> {
  for (;;) {
    try {
      return `read at ${await host.read({ after })}`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.why !== 'NOT_LEADER' && error.why !== 'BUSY') return error.why;
      await pause();
    }
  }
}

test('a read sees the write it is asked to see, whatever its class, on every node', async () => {
  const cluster = await Cluster.start(LAZY);
  const [, leader] = await cluster.leader();
  for (const [id, host] of cluster.hosts) {
    const write = await cluster.put(`asked on ${id}`, WEAK);
    assert.equal(leader.fate(write), 'PENDING');
    assert(await leader.read() < write.index, 'nothing forces it for a read that does not ask');
    assert(await host.read({ after: write }) >= write.index);
    assert(cluster.journal(id).commands.includes(`asked on ${id}`));
  }
  await cluster.stop();
});

test('a read after a write that never was is refused', async () => {
  const cluster = await Cluster.start(STEADY);
  const { term, index } = await cluster.put('one');
  for (const host of cluster.hosts.values()) {
    assert.equal(await refusedRead(host, { term: term + 1, index: index + 1 }), 'NO_SUCH_ENTRY');
    assert.equal(await refusedRead(host, { term, index: index + 100 }), 'NO_SUCH_ENTRY');
  }
  await cluster.stop();
});

test('a stronger answer comes when a majority has synced the write, on every node, and not before', async () => {
  const cluster = await Cluster.start(LAZY);
  const write = await cluster.put('weak', WEAK);
  assert.deepEqual([write.mode, write.held], ['LEADER_ONLY', 'WRITTEN']);
  const early = [...cluster.hosts.values()].map((host) => host.awaitCommit(write, { timeout: 1 }));
  for (const answer of await Promise.all(early)) assert.deepEqual([answer.grade, answer.held], ['TIMED_OUT', undefined]);
  const awaited = [...cluster.hosts.values()].map((host) => host.awaitCommit(write));
  const strong = await cluster.put('strong');
  const late = [...cluster.hosts.values()].map((host) => host.awaitCommit(strong));
  const { term, index } = write;
  for (const answer of await Promise.all(awaited)) {
    assert.deepEqual(answer, { term, index, grade: 'AS_ASKED', mode: 'SYNC', held: 'SYNCED' });
  }
  for (const answer of await Promise.all(late)) assert.equal(answer.grade, 'AS_ASKED', 'one that was committed already');
  await cluster.stop();
});

test('whoever awaits a write that is lost is told so, and no read pretends to see it', async () => {
  const cluster = await Cluster.start(STEADY);
  const [old, host] = await cluster.leader();
  for (const [id] of cluster.hosts) if (id !== old) cluster.hub.sever(old, id);
  const write = await host.propose(new TextEncoder().encode('left behind'), WEAK);
  const awaited = host.awaitCommit(write);
  const others = [...cluster.hosts].filter(([id]) => id !== old).map(([, other]) => other);
  while (!others.some((other) => other.view().role === 'LEADER' && other.view().term > write.term)) await pause();
  cluster.hub.heal();
  assert.equal((await awaited).grade, 'LOST');
  for (const each of cluster.hosts.values()) {
    assert.equal(await refusedRead(each, write), 'LOST');
    assert.equal((await each.awaitCommit(write)).grade, 'LOST');
  }
  await cluster.stop();
});

test('who awaits is refused where there is no room, and told when the node ends', async () => {
  const cluster = await Cluster.start({ ...STEADY, bounds: { clients: 1 } });
  const [, leader] = await cluster.leader();
  const never = { term: leader.view().term, index: leader.view().last + 100 };
  const first = leader.awaitCommit(never);
  await assert.rejects(leader.awaitCommit(never), { why: 'BUSY' });
  const ended = assert.rejects(first, { why: 'STOPPED' });
  await cluster.stop();
  await ended;
  await assert.rejects(leader.awaitCommit(never), { why: 'STOPPED' });
  await assert.rejects(leader.read({ after: never }), { why: 'STOPPED' });
});
