// kraft for pages, Workers and Node: see README.md.

import init, { initSync } from '../pkg/host_wasm.js';

export { Hub, PortChannel, type Channel, type Listener, type Message } from './channel.js';
export type { CommitMode, FateName, FsyncMode, GradeName, HeldAs, RoleName, TrustName } from './classes.js';
export { Host, Refused, type Answer, type Asked, type HostOptions, type View } from './host.js';
export { databaseName, deleteDatabase, type IndexedDbOptions, IndexedDbStorage } from './indexeddb.js';
export type { StateMachine } from './machine.js';
export { MemoryDisk, MemoryStorage, type Survivors } from './memory.js';
export {
  type Change,
  type Firmness,
  type Found,
  type Identity,
  type LogRecord,
  type Snapshot,
  type Storage,
  StorageError,
  type StorageErrorKind,
} from './store.js';

/** Loads the core, once, before the first node: in a browser from beside this module, in Node from disk. */
export async function load(): Promise<void> {
  const wasm = new URL('../pkg/host_wasm_bg.wasm', import.meta.url);
  if (wasm.protocol !== 'file:') {
    await init({ module_or_path: wasm });
    return;
  }
  const { readFile } = await import('node:fs/promises');
  initSync({ module: await readFile(wasm) });
}
