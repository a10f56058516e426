// kraft for pages, Workers and Node: see README.md.

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
  StandingName,
  TrustName,
} from './classes.js';
export { type Answer, type Asked, type AwaitAsked, type Position, type ReadAsked } from './clients.js';
export { load, type Source } from './core.js';
export { type Durability, type PresetName, presetOf } from './durability.js';
export { Host } from './host.js';
export { atLeader, type LeaderAsked } from './leader.js';
export { whenEnded } from './life.js';
export { databaseName, deleteDatabase, type IndexedDbOptions, IndexedDbStorage } from './indexeddb.js';
export type { StateMachine } from './machine.js';
export type { MemberChange } from './members.js';
export { MemoryDisk, type MemoryStorage, type Survivors } from './memory.js';
export type { Bounds, Elections, HostOptions, MembersNow, RoleNow } from './options.js';
export { type PowerCut, PowerStorage, type RewindableStorage } from './power.js';
export { Refused } from './refused.js';
export {
  type Change,
  type Committed,
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
