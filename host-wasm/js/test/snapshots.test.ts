// Snapshots: a log that does not grow without end, and nodes that were away for too long.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { type Change, type Firmness, type Found, type FsyncMode, type Identity, load, type Storage, type StorageError } from '../index.js';
import { Cluster, pause } from './cluster.js';

before(async () => {
  await load();
});

/** Puts so many commands, some at a time. */
async function putAll(cluster: Cluster, from: number, count: number, fsync: FsyncMode = 'NONE'): Promise<string[]> {
  const commands = Array.from({ length: count }, (_, i) => `command ${from + i}`);
  for (const command of commands) {
    const answer = await cluster.put(command, { mode: 'SYNC', fsync });
    assert.equal(answer.grade, 'AS_ASKED');
  }
  return commands;
}

/** Waits until no node has this entry's command any more: a snapshot has taken its place. */
async function compacted(cluster: Cluster, index: number): Promise<void> {
  for (const host of cluster.hosts.values()) while (host.command(index) !== undefined) await pause();
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
  await compacted(cluster, 80);
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

/** A disk that is always one commit behind: each is complete when it is told so. */
class Behind implements Storage {
  /** The kinds of change that were asked for. */
  readonly asked: Change['kind'][] = [];
  private held: (() => void)[] | undefined;

  constructor(private readonly inner: Storage) {}

  open(identity: Identity): Promise<Found> {
    return this.inner.open(identity);
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    this.asked.push(...changes.map(({ kind }) => kind));
    await this.inner.commit(changes, firmness);
    await new Promise<void>((resolve) => (this.held === undefined ? resolve() : this.held.push(resolve)));
  }

  onEnd(handler: (error: StorageError) => void): void {
    this.inner.onEnd(handler);
  }

  close(): void {
    this.inner.close();
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    for (const complete of this.held?.splice(0) ?? []) complete();
  }
}

test('a node whose disk is always behind what is applied stores snapshots too', async () => {
  const cluster = await Cluster.start({ snapshotEvery: 20 });
  const [leader] = await cluster.leader();
  const slow = leader === 1 ? 2 : 1;
  cluster.kill(slow);
  const disk = new Behind(cluster.disk(slow).attach());
  await cluster.startNode(slow, disk);
  await putAll(cluster, 0, 1);
  await cluster.settled();
  disk.hold();
  for (let i = 1; i < 200 && !disk.asked.includes('compact'); i += 2) {
    // What completes now was begun before these two.
    await putAll(cluster, i, 2, 'COMMIT');
    disk.release();
  }
  for (const id of [1, 2, 3]) cluster.kill(id);
  assert(disk.asked.includes('compact'), 'no snapshot after 200 entries');
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
