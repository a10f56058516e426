// Every durability option by name, and the presets. The core has the values; here are their names.

import { presetOptions } from '../pkg/host_wasm.js';
import { PRESET } from './checks/api.js';
import { hold } from './checks/rules.js';
import { type CommitMode, type FsyncMode, fsyncCode, fsyncName, modeCode, modeName } from './classes.js';
import { needCore } from './core.js';

/** From safest to fastest. */
export type PresetName = 'financial' | 'balanced' | 'low_latency' | 'max_throughput';

/** Every durability option of a node. Times are in milliseconds. */
export interface Durability {
  /** The class of a write that names none and falls in no zone. */
  readonly mode: CommitMode;
  readonly fsync: FsyncMode;
  /** What this node never goes below, whatever travels with an append. */
  readonly fsyncFloor: FsyncMode;
  /** Whether LEADER_ONLY waits for the leader's disk whatever the fsync mode says. */
  readonly leaderFsync: 'AS_CLASS' | 'REQUIRED';
  /** When LEADER_ONLY writes are replicated: at once, or with the next heartbeat or stronger entry. */
  readonly leaderOnlyReplication: 'BACKGROUND' | 'WITH_HEARTBEAT';
  /** ASYNC writes replicated together, and how long one waits for company. */
  readonly batchSize: number;
  readonly batchTimeout: number;
  /** How long an ALL write waits for everybody, and what becomes of it then. */
  readonly allTimeout: number;
  readonly fallback: 'REFUSE' | 'TO_MAJORITY';
  /** BATCH: entries and time between two forced flushes. */
  readonly batchFsyncCount: number;
  readonly batchFsyncInterval: number;
  /** The background flush: this long after the first entry that is not forced. */
  readonly lazyForce: number;
  /** Entries acknowledged early and not committed, beyond which further ones are refused. */
  readonly atRiskEntriesMax: number;
  /** Whether a node that may have forgotten copies is suspect. One setting for the whole cluster. */
  readonly onPowerLoss: 'PROTECT' | 'AVAILABLE';
  /** How long a leader's own disk may owe it a write before it hands leadership over. */
  readonly diskStall: number;
}

/** One option, in words and as a number. */
interface Place<T> {
  readonly name: keyof Durability;
  toNumber(value: T): number;
  fromNumber(number: number): T;
}

function oneOf(name: keyof Durability, usual: string, other: string): Place<string> {
  return { name, toNumber: (value) => (value === usual ? 0 : 1), fromNumber: (number) => (number === 0 ? usual : other) };
}
const count = (name: keyof Durability): Place<number> => ({ name, toNumber: (it) => it, fromNumber: (it) => it });
const time = (name: keyof Durability): Place<number> => ({ name, toNumber: (ms) => ms * 1e3, fromNumber: (us) => us / 1e3 });
const fsync = (name: keyof Durability): Place<FsyncMode> => ({ name, toNumber: fsyncCode, fromNumber: (it) => fsyncName(it) ?? 'NONE' });
const mode = (name: keyof Durability): Place<CommitMode> => ({ name, toNumber: modeCode, fromNumber: modeName });

/** In the order of `options.rs`. */
const PLACES = [
  mode('mode'),
  fsync('fsync'),
  fsync('fsyncFloor'),
  oneOf('leaderFsync', 'AS_CLASS', 'REQUIRED'),
  oneOf('leaderOnlyReplication', 'BACKGROUND', 'WITH_HEARTBEAT'),
  count('batchSize'),
  time('batchTimeout'),
  time('allTimeout'),
  oneOf('fallback', 'REFUSE', 'TO_MAJORITY'),
  count('batchFsyncCount'),
  time('batchFsyncInterval'),
  time('lazyForce'),
  count('atRiskEntriesMax'),
  oneOf('onPowerLoss', 'PROTECT', 'AVAILABLE'),
  time('diskStall'),
] as readonly Place<unknown>[];

/** Every option under a preset. The wasm is loaded before. */
export function presetOf(preset: PresetName): Durability {
  hold(preset, 'preset', PRESET, 'there is no such preset');
  needCore('there are no presets');
  const numbers = presetOptions(preset);
  const named = PLACES.map(({ name, fromNumber }, place) => [name, fromNumber(numbers[place] ?? 0)] as const);
  return Object.fromEntries(named) as unknown as Durability;
}

/** @internal The same as the core takes them. */
export function durabilityNumbers(durability: Durability): Float64Array {
  return Float64Array.from(PLACES, ({ name, toNumber }) => toNumber(durability[name]));
}
