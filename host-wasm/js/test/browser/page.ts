// What the browser test runs inside a page, by name. Each returns what it found, as plain data.

import { type Adapter, check, type Crash } from '../../conformance/index.js';
import {
  databaseName,
  deleteDatabase,
  Host,
  Hub,
  IndexedDbStorage,
  load,
  PowerStorage,
  type Storage,
  StorageError,
  whenEnded,
} from '../../index.js';
import { Journal } from '../journal.js';
import { alone, put } from './alone.js';
import { latency, throughput } from './bench.js';
import { Crew } from './crew.js';

/** IndexedDB as the suite uses it: a process ends by letting go in the middle of what it does. */
class DatabaseAdapter implements Adapter {
  readonly powerCuts = 'NOT_SIMULATED';
  private static serial = 0;
  private readonly name = `conformance ${Date.now()} ${DatabaseAdapter.serial++}`;
  private storage: Storage | undefined;

  attach(): Storage {
    this.storage = new IndexedDbStorage({ name: this.name });
    return this.storage;
  }

  async crash(): Promise<void> {
    this.storage?.close();
  }
}

/** The same with a power that can be cut. */
class PowerAdapter implements Adapter {
  readonly powerCuts = 'EXACT';
  private static serial = 0;
  private readonly name = `power ${Date.now()} ${PowerAdapter.serial++}`;
  private power: PowerStorage | undefined;

  attach(): Storage {
    this.power = new PowerStorage(new IndexedDbStorage({ name: this.name }));
    return this.power;
  }

  async crash(crash: Crash): Promise<void> {
    if (crash.kind === 'PROCESS') this.power?.close();
    else await this.power?.cut(crash.survivors);
  }
}

const crews = new Map<string, Crew>();

function crew(cluster: string): Crew {
  const known = crews.get(cluster) ?? new Crew(cluster);
  crews.set(cluster, known);
  return known;
}

const rooms = {
  /** Every rule that a killed process may break. */
  conformance: (seeds: number, turns: number) => check(() => new DatabaseAdapter(), { seeds: [0, seeds], turns }),

  /** And what a power cut may take. */
  powerConformance: (seeds: number) => check(() => new PowerAdapter(), { seeds: [0, seeds], turns: 0 }),

  /** What is said where a page may have no store, and can watch nobody. */
  unavailable: async () => {
    const saidBy = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'nothing',
        (error: unknown) => (error instanceof StorageError ? `${error.name} ${error.kind}: ${error.message}` : String(error)),
      );
    return { open: await saidBy(new IndexedDbStorage().open({ cluster: 'plain', node: 1 })), watch: await saidBy(whenEnded('kraft-life/anybody')) };
  },

  /** Of three nodes in Workers one dies without a word: who is told to have ended before, and after. */
  silentDeath: async (cluster: string) => {
    const ended: number[] = [];
    const told = new Map<number, Promise<void>>();
    for (const node of [1, 2, 3]) {
      const life = await crew(cluster).life(node);
      told.set(node, whenEnded(life).then(() => void ended.push(node)));
    }
    // What the browser has to say by now it says before it answers this.
    await navigator.locks.query();
    await crew(cluster).put('all live', { mode: 'ALL' });
    const before = [...ended];
    crew(cluster).silence(2);
    await told.get(2);
    await navigator.locks.query();
    return { before, after: ended };
  },

  /** Starts a crew, or starts it again after whatever happened to it. */
  start: async (cluster: string) => {
    await crew(cluster).start();
  },

  put: async (cluster: string, command: string, mode: 'SYNC' | 'ALL', fsync: 'NONE' | 'COMMIT') =>
    crew(cluster).put(command, { mode, fsync }),

  commands: (cluster: string, node: number) => crew(cluster).commands(node),

  trust: async (cluster: string) =>
    Promise.all([1, 2, 3].map(async (node) => (await crew(cluster).view(node))?.trust)),

  terminate: async (cluster: string) => {
    crew(cluster).terminate();
  },

  stop: (cluster: string) => crew(cluster).stop(),

  /** What opening says: the age, or the kind of error. */
  open: async (cluster: string, expect?: string) => {
    const storage = new IndexedDbStorage(expect === undefined ? {} : { expect: BigInt(expect) });
    try {
      const { age, store } = await storage.open({ cluster, node: 1 });
      return { age, store: String(store) };
    } catch (error) {
      return { refused: error instanceof StorageError ? error.kind : String(error) };
    } finally {
      storage.close();
    }
  },

  remove: async (cluster: string) => {
    await deleteDatabase(databaseName({ cluster, node: 1 }));
  },

  /** A node whose database is removed under it: why it ended. */
  removedUnderANode: async () => {
    await load();
    const identity = { cluster: `removed ${Date.now()}`, node: 1 };
    const ended = await new Promise<Error>((resolve) => {
      void Host.start({
        ...identity,
        voters: [1],
        storage: new IndexedDbStorage(),
        channel: new Hub().join(1),
        machine: new Journal(),
        onEnd: resolve,
      }).then(() => deleteDatabase(databaseName(identity)));
    });
    return ended instanceof StorageError ? ended.kind : String(ended);
  },

  /** What the database was asked for by each kind of commit, and whether it had completed when that resolved. */
  durability: async () => {
    const begun: { durability: string; completed: 'YES' | 'NO' }[] = [];
    const ordinary = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args: Parameters<typeof ordinary>) {
      const transaction = ordinary.apply(this, args);
      const seen: (typeof begun)[number] = { durability: transaction.durability, completed: 'NO' };
      begun.push(seen);
      transaction.addEventListener('complete', () => (seen.completed = 'YES'));
      return transaction;
    };
    const storage = new IndexedDbStorage({ name: `durability ${Date.now()}` });
    const after = async (work: Promise<unknown>): Promise<{ durability: string; completed: string }> => {
      await work;
      return { ...(begun.at(-1) ?? { durability: 'none', completed: 'NO' }) };
    };
    const record = { kind: 'record', first: 1, bytes: new Uint8Array(8) } as const;
    const found = {
      open: await after(storage.open({ cluster: 'durability', node: 1 })),
      written: await after(storage.commit([record], 'written')),
      synced: await after(storage.commit([record], 'synced')),
      force: await after(storage.commit([], 'synced')),
    };
    IDBDatabase.prototype.transaction = ordinary;
    storage.close();
    return found;
  },

  /** A node that writes until there is no room: how many writes it had acknowledged, and why it ended. */
  fill: async (cluster: string) => {
    await load();
    let ended: Error | undefined;
    const host = await alone(cluster, new Journal(), (reason) => {
      ended = reason;
    });
    // Bytes that no disk makes smaller.
    const command = crypto.getRandomValues(new Uint8Array(64 * 1024));
    let acked = 0;
    while (ended === undefined && acked < 10_000) {
      const answer = await put(host, command).catch(() => undefined);
      if (answer?.grade === 'AS_ASKED') acked += 1;
    }
    return { acked, ended: ended instanceof StorageError ? ended.kind : String(ended) };
  },

  /** How many writes a node finds again. */
  refilled: async (cluster: string) => {
    await load();
    const journal = new Journal();
    const host = await alone(cluster, journal);
    await put(host, new Uint8Array(1));
    await host.stop();
    return journal.commands.length - 1;
  },

  latency: (rounds: number) => latency(rounds),
  throughput: (turns: number) => throughput(turns),
} as const;

export type Rooms = typeof rooms;
Object.assign(globalThis, { rooms });
