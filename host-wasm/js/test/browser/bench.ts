// What an acknowledgement costs and how many there are a second, each beside bare transactions in the same page.

import { Host, Hub, IndexedDbStorage, load } from '../../index.js';
import { pause } from '../cluster.js';
import { Journal } from '../journal.js';
import { alone, put } from './alone.js';

const CLIENTS = 32;
const COMMAND = new Uint8Array(256);

/** Of one turn, so many writes by each client. */
const EACH = 25;

/** Transactions begun in this page by anybody. */
const commits = { begun: 0 };
const ordinary = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (...args: Parameters<typeof ordinary>) {
  commits.begun += 1;
  return ordinary.apply(this, args);
};

/** Milliseconds for a bare transaction and for an acknowledgement, relaxed and strict: medians of so many rounds. */
export async function latency(rounds: number): Promise<Record<'bareRelaxed' | 'ackWritten' | 'bareStrict' | 'ackSynced', number>> {
  await load();
  const bare = await Bare.open('bare');
  const host = await alone(`latency ${Date.now()}`, new Journal());
  const works = {
    bareRelaxed: () => bare.commit(COMMAND, 'written'),
    ackWritten: () => put(host, COMMAND, { mode: 'SYNC', fsync: 'NONE' }),
    bareStrict: () => bare.commit(COMMAND, 'synced'),
    ackSynced: () => put(host, COMMAND, { mode: 'SYNC', fsync: 'COMMIT' }),
  };
  const times = { bareRelaxed: [], ackWritten: [], bareStrict: [], ackSynced: [] } as Record<keyof typeof works, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(works) as (keyof typeof works)[]) {
      const began = performance.now();
      await works[name]();
      times[name].push(performance.now() - began);
    }
  }
  await host.stop();
  bare.close();
  const { bareRelaxed, ackWritten, bareStrict, ackSynced } = times;
  return { bareRelaxed: median(bareRelaxed), ackWritten: median(ackWritten), bareStrict: median(bareStrict), ackSynced: median(ackSynced) };
}

/** Entries a second: medians, and how many of them a transaction brought. */
export interface Throughput {
  /** Of clients that each write again when they were told, on so many nodes in this page. */
  readonly perSecond: number;
  readonly entriesPerTransaction: number;
  /** Of bare transactions of as many entries, one in each of as many databases, behind each other. */
  readonly bare: number;
}

/** How much one node takes, and three in one page, in turn with what their databases take. */
export async function throughput(turns: number): Promise<{ alone: Throughput; together: Throughput }> {
  await load();
  const host = await alone(`one ${Date.now()}`, new Journal());
  const one = await beside(host, 1, turns);
  await host.stop();
  const hub = new Hub();
  const cluster = `three ${Date.now()}`;
  const voters = [1, 2, 3];
  const three = await Promise.all(
    voters.map((node) =>
      Host.start({ cluster, node, voters, storage: new IndexedDbStorage(), channel: hub.join(node), machine: new Journal() }),
    ),
  );
  let leader: Host | undefined;
  while ((leader = three.find((each) => each.view().role === 'LEADER')) === undefined) await pause();
  const together = await beside(leader, three.length, turns);
  await Promise.all(three.map((each) => each.stop()));
  return { alone: one, together };
}

async function beside(host: Host, nodes: number, turns: number): Promise<Throughput> {
  const bares = await Promise.all(Array.from({ length: nodes }, (_, place) => Bare.open(`bare ${place}`)));
  const gathered = new Uint8Array(CLIENTS * COMMAND.length);
  const perSecond: number[] = [];
  const bare: number[] = [];
  let begun = 0;
  for (let turn = 0; turn < turns; turn++) {
    bare.push(
      await entriesPerSecond(async () => {
        for (let i = 0; i < EACH; i++) await Promise.all(bares.map((each) => each.commit(gathered, 'synced')));
      }),
    );
    const before = commits.begun;
    perSecond.push(
      await entriesPerSecond(() =>
        Promise.all(
          Array.from({ length: CLIENTS }, async () => {
            for (let i = 0; i < EACH; i++) await put(host, COMMAND, { mode: 'SYNC', fsync: 'COMMIT' });
          }),
        ),
      ),
    );
    begun += commits.begun - before;
  }
  for (const each of bares) each.close();
  const entriesPerTransaction = Math.round((10 * turns * CLIENTS * EACH) / begun) / 10;
  return { perSecond: median(perSecond), entriesPerTransaction, bare: median(bare) };
}

async function entriesPerSecond(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return Math.round((CLIENTS * EACH * 1000) / (performance.now() - began));
}

/** A store without a node. */
class Bare {
  private first = 1;

  private constructor(private readonly storage: IndexedDbStorage) {}

  static async open(name: string): Promise<Bare> {
    const storage = new IndexedDbStorage({ name: `${name} ${Date.now()}` });
    await storage.open({ cluster: 'bare', node: 1 });
    return new Bare(storage);
  }

  commit(bytes: Uint8Array, firmness: 'written' | 'synced'): Promise<void> {
    return this.storage.commit([{ kind: 'record', first: this.first++, bytes }], firmness);
  }

  close(): void {
    this.storage.close();
  }
}

function median(all: readonly number[]): number {
  return [...all].sort((one, other) => one - other)[all.length >> 1] ?? 0;
}
