// What is said of a moment: one sentence at a time, and only what the records show.

import type { Write } from '../engine/ledger';
import type { Told } from '../engine/protocol';
import { type Class, type Lesson, nameOf, saidOf, undoneOf } from './lesson';

export type Tone = 'PLAIN' | 'KEPT' | 'LOST' | 'BROKEN' | 'FAULT';

export interface Caption {
  readonly atUs: number;
  readonly text: string;
  readonly tone: Tone;
}

export function majority(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}

/** When a client hears yes, in words. */
export function hearsWhen({ mode, fsync }: Class, nodes: number): string {
  const deep = fsync === 'COMMIT' || fsync === 'ALWAYS' ? ['disk has', 'disks have'] : ['operating system has', 'operating systems have'];
  const many = (count: number): string => `when ${count} of ${nodes} ${deep[1]} the write`;
  switch (mode) {
    case 'ASYNC':
      return 'as soon as the leader has it in memory';
    case 'LEADER_ONLY':
      return `when the leader’s ${deep[0]} the write`;
    case 'AT_LEAST_2':
      return many(2);
    case 'SYNC':
      return many(majority(nodes));
    case 'ALL':
      return many(nodes);
  }
}

const count = (number: number, one: string, more: string): string => (number === 1 ? `1 ${one}` : `${number} ${more}`);

export function captionsOf(lesson: Lesson, told: Told, writes: readonly Write[], asked: Class | undefined): Caption[] {
  const captions: Caption[] = [];
  const say = (atUs: number, text: string, tone: Tone = 'PLAIN'): void => void captions.push({ atUs, text, tone });
  say(0, asked === undefined ? `This is ${lesson.name}: faults and clients as they were drawn.` : `${lesson.perSecond} writes a second. The client hears yes ${hearsWhen(asked, lesson.nodes)}.`);
  for (const fault of lesson.faults) {
    const atRisk = writes.filter((write) => isTold(write, fault.atUs) && !write.copies.some(({ synced }) => (synced ?? Infinity) <= fault.atUs));
    const risk = fault.deed !== 'power' ? '' : atRisk.length === 0 ? ' Every acknowledged write was on a disk.' : ` ${count(atRisk.length, 'write was', 'writes were')} acknowledged and on no disk.`;
    say(fault.atUs, `${saidOf(fault, lesson.nodes)}.${risk}`, 'FAULT');
    say(fault.atUs + fault.forUs, `${undoneOf(fault.deed)}. ${fault.deed === 'power' || fault.deed === 'kill' ? 'Each node finds what it still has.' : ''}`);
  }
  for (const { node, term, fromUs } of told.reigns) if (fromUs > 900_000) say(fromUs, `Node ${node} leads term ${term}. Its log is the one that counts.`);
  verdicts(lesson, writes, asked, say);
  if (told.violation !== null) say(told.violation.at_us, `A promise is broken (${told.violation.oracle.replaceAll('_', ' ')}): ${told.violation.what}.`, 'BROKEN');
  return captions.sort((one, other) => one.atUs - other.atUs);
}

function verdicts(lesson: Lesson, writes: readonly Write[], asked: Class | undefined, say: (atUs: number, text: string, tone: Tone) => void): void {
  const lost = writes.filter(({ fate, told }) => told && fate === 'lost');
  const allowed = asked === undefined ? 'as their classes allow' : `as ${nameOf(asked)} allows`;
  const at = new Set(lost.map(({ fateUs }) => fateUs ?? 0));
  for (const atUs of at) {
    const sofar = lost.filter(({ fateUs }) => (fateUs ?? 0) <= atUs).length;
    say(atUs, `Other entries are committed where they stood: ${count(sofar, 'acknowledged write is', 'acknowledged writes are')} lost, ${allowed}.`, 'LOST');
  }
  const first = lesson.faults[0]?.atUs;
  if (lost.length > 0 || first === undefined) return;
  const answered = writes.filter((write) => isTold(write, first));
  const known = Math.max(0, ...answered.map(({ fateUs }) => fateUs ?? 0));
  const back = writes.find(({ answeredUs }) => (answeredUs ?? 0) > Math.max(first + (lesson.faults[0]?.forUs ?? 0), known));
  if (answered.length > 0 && back?.answeredUs !== undefined) say(back.answeredUs, `The cluster answers again, and every acknowledged write is there: all ${answered.length}.`, 'KEPT');
}

/** Whether the client had been told yes by then. */
export function isTold({ told, answeredUs }: Write, atUs: number): boolean {
  return told && (answeredUs ?? Infinity) <= atUs;
}

export function captionAt(captions: readonly Caption[], atUs: number): Caption | undefined {
  return captions.findLast((caption) => caption.atUs <= atUs);
}
