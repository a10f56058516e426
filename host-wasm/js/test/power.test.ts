// A power cut over a store without one: what is left is what a real one leaves.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { type Adapter, check, type Crash } from '../conformance/index.js';
import { entriesOf, Host, Hub, load, MemoryDisk, PowerStorage, type Storage } from '../index.js';
import { pause } from './cluster.js';
import { Journal } from './journal.js';

before(async () => {
  await load();
});

class PowerAdapter implements Adapter {
  readonly powerCuts = 'EXACT';
  private readonly disk = new MemoryDisk();
  private power: PowerStorage | undefined;

  attach(): Storage {
    this.power = new PowerStorage(this.disk.attach());
    return this.power;
  }

  async crash(crash: Crash): Promise<void> {
    if (crash.kind === 'PROCESS') this.power?.close();
    else await this.power?.cut(crash.survivors);
  }
}

test('a power cut that is simulated over a store keeps every rule', async () => {
  const exercised = await check(() => new PowerAdapter(), { seeds: [0, 300], turns: 4, patienceMs: 300 });
  console.log(`exercised ${JSON.stringify(exercised)}`);
  assert(exercised.crashes.power > 1000 && exercised.commits > 1000);
});

test('a node ends with its power, and finds what was synced', async () => {
  const disk = new MemoryDisk();
  const lives: string[] = [];
  const start = async (): Promise<{ host: Host; power: PowerStorage; journal: Journal }> => {
    const power = new PowerStorage(disk.attach());
    const journal = new Journal();
    const host = await Host.start({
      cluster: 'power',
      node: 1,
      voters: [1],
      storage: power,
      channel: new Hub().join(1),
      machine: journal,
      durability: { lazyForce: 1e6 },
      onEnd: (reason) => lives.push(reason.message),
    });
    host.campaign();
    while (host.view().role !== 'LEADER' || host.view().commit < host.view().last) await pause();
    return { host, power, journal };
  };
  const { host, power } = await start();
  await host.propose(new TextEncoder().encode('synced'));
  // The mark that copies are relied on is forced along with the first of them.
  await host.propose(new TextEncoder().encode('marked'), { mode: 'LEADER_ONLY', fsync: 'NONE' });
  const { index } = await host.propose(new TextEncoder().encode('written'), { mode: 'LEADER_ONLY', fsync: 'NONE' });
  assert.equal(power.atRisk, 1);
  const { commits, left, taken } = await power.cut();
  assert.equal(commits, 1);
  assert.deepEqual(taken.flatMap(({ bytes }) => entriesOf(bytes)).map((entry) => entry.index), [index]);
  assert.deepEqual(left.flatMap(({ bytes }) => entriesOf(bytes)).at(-1)?.index, index - 1);
  assert.deepEqual(lives, ['the power was cut']);
  await assert.rejects(host.propose(new Uint8Array(1)), { why: 'STOPPED' });
  const again = await start();
  assert.deepEqual(again.journal.commands, ['synced', 'marked']);
  await again.host.stop();
});
