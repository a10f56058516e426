// A store over IndexedDB: 'synced' is a strict transaction's `complete`, 'written' a relaxed one's.
//
//   meta   'identity' ─► {cluster, node, store}    'hardState' ─► bytes    'snapshot' ─► Snapshot    'committed' ─► Committed
//   log    first index ─► bytes, one record a key
//
// Only one node may have it open, which a web lock sees to: it goes with the page or Worker that
// holds it, however that ends.
//
// One record an appended batch, one transaction in flight: a hundred puts cost ten times what one
// does, and the caller gathers what waits meanwhile. What a transaction costs besides its flush is
// conversation with the browser and searching: so it is told that nothing follows, instead of waiting
// to hear that each request was served, and nothing is deleted where nothing stands.

import { IDENTITY, INDEXED_DB_OPTIONS, NAME } from './checks/api.js';
import { holdCommit } from './checks/commit.js';
import { hold } from './checks/rules.js';
import type { Contents } from './contents.js';
import { wordsOf } from './foreign.js';
import { NO_LOCKS } from './life.js';
import type { RewindableStorage } from './power.js';
import {
  type Change,
  type Committed,
  drawStore,
  type Firmness,
  type Found,
  type Identity,
  type LogRecord,
  type Snapshot,
  StorageError,
} from './store.js';

/** The version of what the database holds. */
const VERSION = 1;

/** How long a page or Worker that has ended may take to let go. */
const BLOCKED_MS_MAX = 2000;

/** What `meta` says of the owner. */
interface Owner extends Identity {
  readonly store: bigint;
}

export interface IndexedDbOptions {
  /** The database's name; the default is made of the cluster and the node. */
  readonly name?: string;
  /** The store there must be. If it is another, or none, the disk is lost: no node starts on it. */
  readonly expect?: bigint;
}

/** A node's database. */
export class IndexedDbStorage implements RewindableStorage {
  private db: IDBDatabase | undefined;
  private ended: ((error: StorageError) => void) | undefined;
  private unlock: (() => void) | undefined;
  /** The keys of the log, ascending: nothing is searched for, and nothing deleted that is not there. */
  private firsts: readonly number[] = [];

  constructor(private readonly options: IndexedDbOptions = {}) {
    hold(options, 'options', INDEXED_DB_OPTIONS, 'there is no such store');
  }

  async open(identity: Identity): Promise<Found> {
    hold(identity, 'identity', IDENTITY, 'no database was opened');
    const name = this.options.name ?? databaseName(identity);
    databases();
    this.unlock = await lock(name);
    const db = await openDatabase(name).catch((error: unknown) => {
      this.close();
      throw error;
    });
    this.db = db;
    db.onversionchange = () => {
      this.end(new StorageError('ended', `the database ${name} is being removed or replaced`));
    };
    db.onclose = () => {
      this.end(new StorageError('ended', `the browser closed the database ${name}`));
    };
    try {
      return await this.read(db, identity, name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    holdCommit(changes, firmness);
    const { db } = this;
    if (db === undefined) throw new StorageError('ended', 'the database is closed');
    const durability = firmness === 'synced' ? 'strict' : 'relaxed';
    this.firsts = await transact(db, durability, async (meta, log) => {
      // A transaction that forces must change something, or a browser may see no reason to.
      if (changes.length === 0) meta.put(Date.now(), 'forced');
      return changes.reduce((firsts, change) => apply(change, meta, log, firsts), this.firsts);
    });
  }

  /** Puts these contents in place of what there is: for a power cut that is simulated. */
  async rewind({ hardState, snapshot, committed, records }: Contents): Promise<void> {
    const { db } = this;
    if (db === undefined) throw new StorageError('ended', 'the database is closed');
    await transact(db, 'strict', async (meta, log) => {
      if (hardState === undefined) meta.delete('hardState');
      else meta.put(hardState, 'hardState');
      if (snapshot === undefined) meta.delete('snapshot');
      else meta.put(snapshot, 'snapshot');
      if (committed === undefined) meta.delete('committed');
      else meta.put(committed, 'committed');
      log.clear();
      for (const { first, bytes } of records) log.put(bytes, first);
    });
    this.firsts = records.map(({ first }) => first);
  }

  onEnd(handler: (error: StorageError) => void): void {
    this.ended = handler;
  }

  close(): void {
    this.db?.close();
    this.db = undefined;
    this.unlock?.();
    this.unlock = undefined;
  }

  private end(error: StorageError): void {
    this.close();
    this.ended?.(error);
  }

  /** Reads everything, in the transaction that makes it certain: a strict write. */
  private async read(db: IDBDatabase, identity: Identity, name: string): Promise<Found> {
    return transact(db, 'strict', async (meta, log) => {
      const found = (await done(meta.get('identity'))) as Owner | undefined;
      if (found !== undefined && (found.cluster !== identity.cluster || found.node !== identity.node)) {
        const { node, cluster } = found;
        throw new StorageError('foreign', `the database ${name} is of node ${node} of cluster ${cluster}`);
      }
      const { expect } = this.options;
      if (expect !== undefined && found?.store !== expect) {
        const there = found === undefined ? 'it is empty' : 'another is there';
        throw new StorageError('lost', `the database ${name} is not the one this node had: ${there}`);
      }
      const owner: Owner = found ?? { ...identity, store: drawStore() };
      meta.put(owner, 'identity');
      const hardState = (await done(meta.get('hardState'))) as Uint8Array | undefined;
      const snapshot = (await done(meta.get('snapshot'))) as Snapshot | undefined;
      const committed = (await done(meta.get('committed'))) as Committed | undefined;
      const keys = await done(log.getAllKeys());
      const values = (await done(log.getAll())) as Uint8Array[];
      const records = keys.map((key, place): LogRecord => {
        const bytes = values[place];
        if (typeof key !== 'number' || bytes === undefined) throw new StorageError('failed', 'a log without order');
        return { first: key, bytes };
      });
      this.firsts = records.map(({ first }) => first);
      return { store: owner.store, age: found === undefined ? 'new' : 'old', hardState, snapshot, committed, records };
    });
  }
}

/** Removes a node's database. */
export async function deleteDatabase(name: string): Promise<void> {
  hold(name, 'name', NAME, 'no database was removed');
  await done(databases().deleteDatabase(name));
}

/** The name a node's database has unless it is given one. */
export function databaseName(identity: Identity): string {
  hold(identity, 'identity', IDENTITY, 'there is no such database');
  const { cluster, node } = identity;
  return `kraft/${cluster}/${node}`;
}

/** Asks for a change of a log with these keys; its keys after that. */
function apply(change: Change, meta: IDBObjectStore, log: IDBObjectStore, firsts: readonly number[]): readonly number[] {
  switch (change.kind) {
    case 'hardState':
      meta.put(change.bytes, 'hardState');
      return firsts;
    case 'committed':
      meta.put(change.position, 'committed');
      return firsts;
    case 'record': {
      const { first, bytes } = change;
      const last = firsts.at(-1) ?? 0;
      if (first < last) log.delete(IDBKeyRange.lowerBound(first));
      log.put(bytes, first);
      return [...(first > last ? firsts : firsts.filter((each) => each < first)), first];
    }
    case 'install':
      meta.put(change.snapshot, 'snapshot');
      log.clear();
      return [];
    case 'compact': {
      const { last } = change.snapshot;
      meta.put(change.snapshot, 'snapshot');
      // The last record that begins at or before the first entry needed may hold that entry.
      const kept = firsts.filter((first) => first <= last + 1).at(-1);
      if (kept === undefined || kept === firsts[0]) return firsts;
      log.delete(IDBKeyRange.upperBound(kept, true));
      return firsts.filter((first) => first >= kept);
    }
  }
}

/** The browser's databases, if there are any. */
function databases(): IDBFactory {
  try {
    // A page that may store nothing throws here.
    if (globalThis.indexedDB) return globalThis.indexedDB;
  } catch (cause) {
    throw new StorageError('unavailable', `this page may store nothing: ${wordsOf(cause)}; allow its site to store data`, { cause });
  }
  throw new StorageError('unavailable', 'there is no IndexedDB: this is no browser. In Node use `MemoryDisk`, or a store of your own');
}

/** Holds the one lock of a database; returns what lets go of it. */
async function lock(name: string): Promise<() => void> {
  let unlock = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    unlock = resolve;
  });
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) throw new StorageError('unavailable', `the database ${name} cannot be kept from others: ${NO_LOCKS}`);
  const signal = AbortSignal.timeout(BLOCKED_MS_MAX);
  await new Promise<void>((resolve, reject) => {
    const request = locks.request(name, { signal }, () => {
      resolve();
      return held;
    });
    request.catch((cause: unknown) => {
      if (signal.aborted) reject(new StorageError('blocked', `another tab or Worker has the database ${name} open`, { cause }));
      else reject(new StorageError('unavailable', `this page may lock nothing: ${wordsOf(cause)}`, { cause }));
    });
  });
  return unlock;
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = databases().open(name, VERSION);
    let given: ReturnType<typeof setTimeout> | undefined;
    request.onupgradeneeded = () => {
      request.result.createObjectStore('meta');
      request.result.createObjectStore('log');
    };
    request.onblocked = () => {
      given ??= setTimeout(() => {
        reject(new StorageError('blocked', `another tab holds an older version of ${name}: close it`));
      }, BLOCKED_MS_MAX);
    };
    request.onsuccess = () => {
      clearTimeout(given);
      resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(given);
      reject(storageError(request.error, `the database ${name} does not open`));
    };
  });
}

/**
 * Runs a transaction; resolves when it is complete, which is when it is held. A request that fails aborts it, whether
 * or not its commit was asked for before that was known.
 */
async function transact<T>(
  db: IDBDatabase,
  durability: 'strict' | 'relaxed',
  body: (meta: IDBObjectStore, log: IDBObjectStore) => Promise<T>,
): Promise<T> {
  let transaction: IDBTransaction;
  try {
    transaction = db.transaction(['meta', 'log'], 'readwrite', { durability });
  } catch (error) {
    throw new StorageError('ended', 'the database is closed', { cause: error });
  }
  const complete = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(storageError(transaction.error, 'nothing was written'));
  });
  try {
    const result = await body(transaction.objectStore('meta'), transaction.objectStore('log'));
    transaction.commit();
    await complete;
    return result;
  } catch (error) {
    complete.catch(() => undefined);
    try {
      transaction.abort();
    } catch {
      // It has ended already, and said why.
    }
    throw error;
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(storageError(request.error, 'the request failed'));
  });
}

function storageError(cause: DOMException | null, what: string): StorageError {
  const kind = cause?.name === 'QuotaExceededError' ? 'full' : 'failed';
  return new StorageError(kind, `${what}: ${cause?.message ?? 'no reason given'}`, { cause });
}
