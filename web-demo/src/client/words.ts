// Durability in words: the classes a client may ask for, and what an answer rests on.

import type { Answer, Class, CommitMode, FsyncMode, PresetName } from 'kraft-host-wasm';

export const MODES = ['ASYNC', 'LEADER_ONLY', 'AT_LEAST', 'SYNC', 'ALL'] as const;
export const FSYNCS: readonly FsyncMode[] = ['NONE', 'BATCH', 'COMMIT', 'ALWAYS'];

export const PRESETS: readonly PresetName[] = ['financial', 'balanced', 'low_latency', 'max_throughput'];

/** A word the page knows as a commit mode: AT_LEAST with its number. */
export function isMode(word: string): word is CommitMode {
  return word === 'ASYNC' || word === 'LEADER_ONLY' || word === 'SYNC' || word === 'ALL' || /^AT_LEAST_[1-9]$/.test(word);
}

export function isFsync(word: string): word is FsyncMode {
  return (FSYNCS as readonly string[]).includes(word);
}

/** The mode without its number: what colours are given to. */
export function family(mode: CommitMode): (typeof MODES)[number] {
  return mode.startsWith('AT_LEAST') ? 'AT_LEAST' : (mode as Exclude<(typeof MODES)[number], 'AT_LEAST'>);
}

export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** How many nodes a mode waits for. */
export function holders(mode: CommitMode, voters: number): number {
  if (mode === 'ASYNC') return 0;
  if (mode === 'LEADER_ONLY') return 1;
  if (mode === 'SYNC') return majority(voters);
  if (mode === 'ALL') return voters;
  return Math.min(Number(mode.slice('AT_LEAST_'.length)), voters);
}

/** What an answer rests on, and nothing beyond it. */
export function evidence({ mode, held, grade }: Answer, voters: number, asked: CommitMode): string {
  if (held === undefined) {
    const said = { TIMED_OUT: 'not held as asked in time; it lives on', LOST: 'lost', UNKNOWN: 'its fate is unknown' } as const;
    return `${asked}: ${grade === 'AS_ASKED' || grade === 'FALLBACK' ? 'held by nobody' : said[grade]}`;
  }
  const fallback = grade === 'FALLBACK' ? ' (fallback)' : grade === 'TIMED_OUT' ? ' (not as asked, in time)' : '';
  if (held === 'ACCEPTED') return `${mode}: accepted by the leader, in memory only${fallback}`;
  return `${mode}: ${held.toLowerCase()} by ${holders(mode, voters)} of ${voters}${fallback}`;
}

/** What an acknowledgement outlives, in the words of the contract. */
export function outlives({ mode, held }: Answer, voters: number): string {
  if (held === undefined) return '';
  if (holders(mode, voters) < majority(voters)) return 'may be lost with the leader';
  if (held !== 'SYNCED') return 'outlives the leader; may be lost if all lose power';
  return 'outlives the leader, and all losing power';
}

/** When a client hears yes, in words. */
export function hearsWhen({ mode, fsync }: Class, voters: number): string {
  if (mode === 'ASYNC') return 'as soon as the leader has it in memory';
  const isDeep = fsync === 'COMMIT' || fsync === 'ALWAYS';
  const count = holders(mode, voters);
  if (count === 1) return `when the leader’s ${isDeep ? 'disk' : 'operating system'} has it`;
  return `when ${count} of ${voters} ${isDeep ? 'disks' : 'operating systems'} have it`;
}
