// Zones: which class a key asks for when its write names none. The first match wins.
//
//   account:*  ALL  ALWAYS        `*` stands for anything, `?` for one character

import { type Class, isFsync, isMode } from './words';

export interface Zone extends Class {
  readonly pattern: string;
}

export const ZONES_AT_FIRST = ['account:* ALL ALWAYS', 'user:* SYNC COMMIT', 'metric:* ASYNC BATCH', 'session:* LEADER_ONLY NONE'].join('\n');

/** Reads zones, one a line; throws with the line that makes no sense. */
export function readZones(text: string): Zone[] {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return lines.map((line) => {
    const [pattern, mode, fsync, ...more] = line.split(/\s+/);
    if (pattern === undefined || mode === undefined || !isMode(mode)) throw new Error(`"${line}": a pattern, then a commit mode`);
    if (fsync === undefined || !isFsync(fsync) || more.length > 0) throw new Error(`"${line}": then an fsync mode, and no more`);
    return { pattern, mode, fsync };
  });
}

export function zoneOf(key: string, zones: readonly Zone[]): Zone | undefined {
  return zones.find(({ pattern }) => matches(pattern, key));
}

function matches(pattern: string, key: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${escaped}$`, 's').test(key);
}
