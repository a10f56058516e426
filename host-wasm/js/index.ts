// kraft for pages, Workers and Node: see README.md.

import init, { initSync } from '../pkg/host_wasm.js';

export { type About, Hub, PortChannel, type Channel, type Listener, type Message } from './channel.js';
export type {
  Class,
  CommitMode,
  EntryKind,
  FateName,
  FsyncMode,
  GradeName,
  HeldAs,
  MessageKindName,
  RefusalName,
  RoleName,
  TrustName,
} from './classes.js';
export { type Answer, type Asked, type AwaitAsked, type Position, type ReadAsked, Refused } from './clients.js';
export { type Durability, type PresetName, presetOf } from './durability.js';
export { Host } from './host.js';
export { databaseName, deleteDatabase, type IndexedDbOptions, IndexedDbStorage } from './indexeddb.js';
export type { StateMachine } from './machine.js';
export type { MemberChange } from './members.js';
export { MemoryDisk, MemoryStorage, type Survivors } from './memory.js';
export type { Bounds, Elections, HostOptions } from './options.js';
export { type PowerCut, PowerStorage, type RewindableStorage } from './power.js';
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
export {
  type Alert,
  type AlertThresholds,
  entriesOf,
  type LogEntry,
  type Members,
  type Peer,
  type StoredEntry,
  type View,
} from './view.js';
export { type Zone, Zones } from './zones.js';

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
