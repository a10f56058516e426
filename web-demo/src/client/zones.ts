// Zones as a person writes them: which class a key asks for when its write names none. The first match wins.
//
//   account:*  ALL  ALWAYS  floor       `*` stands for anything, `?` for one character; `-` for the default
//
// A floor may not be gone below. What a line comes to is decided by the core's rules, in the package's `Zones`.

import { type Zone, Zones } from 'kraft-host-wasm';

import { isFsync, isMode } from './words';

export const ZONES_AT_FIRST = [
  'account:* ALL ALWAYS floor',
  'transaction:* ALL ALWAYS floor',
  'user:* SYNC COMMIT',
  'profile:* SYNC COMMIT',
  'metric:* ASYNC BATCH',
  'event:* ASYNC NONE',
  'session:* LEADER_ONLY NONE',
].join('\n');

/** Reads zones, one a line; throws with the line that makes no sense. */
export function readZones(text: string): Zones {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return new Zones(lines.map(readZone));
}

function readZone(line: string): Zone {
  const [pattern, mode, fsync, strictness, ...more] = line.split(/\s+/);
  if (pattern === undefined || mode === undefined || !(mode === '-' || isMode(mode))) throw new Error(`"${line}": a pattern, then a commit mode`);
  if (fsync === undefined || !(fsync === '-' || isFsync(fsync))) throw new Error(`"${line}": then an fsync mode`);
  if ((strictness !== undefined && strictness !== 'floor') || more.length > 0) throw new Error(`"${line}": then "floor", or no more`);
  return {
    pattern,
    ...(mode !== '-' && { mode }),
    ...(fsync !== '-' && { fsync }),
    ...(strictness === 'floor' && { strictness: 'FLOOR' }),
  };
}
