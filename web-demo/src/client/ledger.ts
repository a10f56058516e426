// What the client asked for and was told: every write, its answer, and what became of it.

import type { Answer, FateName } from 'kraft-host-wasm';

import type { Position } from '../cluster/protocol';
import type { Class } from './words';

export interface Write {
  readonly id: number;
  readonly key: string;
  readonly bytes: number;
  readonly asked: Class;
  readonly node: number;
  readonly askedAt: number;
  state: 'ASKED' | 'ANSWERED' | 'REFUSED' | 'NO_ANSWER';
  answer: Answer | undefined;
  latencyMs: number | undefined;
  fate: FateName;
  why: string;
}

/** So many writes are remembered. */
const WRITES_MAX = 400;

export class Ledger {
  readonly writes: Write[] = [];
  private next = 1;

  ask(key: string, bytes: number, asked: Class, node: number): Write {
    const write: Write = {
      id: this.next++, key, bytes, asked, node, askedAt: performance.now(),
      state: 'ASKED', answer: undefined, latencyMs: undefined, fate: 'PENDING', why: '',
    };
    this.writes.push(write);
    if (this.writes.length > WRITES_MAX) this.writes.shift();
    return write;
  }

  answered(id: number, answer: Answer): Write | undefined {
    const write = this.find(id);
    if (write === undefined) return undefined;
    write.state = 'ANSWERED';
    write.answer = answer;
    write.latencyMs = performance.now() - write.askedAt;
    if (answer.grade === 'LOST') write.fate = 'LOST';
    return write;
  }

  refused(id: number, why: string): Write | undefined {
    const write = this.find(id);
    if (write === undefined) return undefined;
    write.state = 'REFUSED';
    write.why = why;
    return write;
  }

  /** The node that was asked will answer nothing any more. */
  unanswered(node: number): void {
    for (const write of this.writes) {
      if (write.node === node && write.state === 'ASKED') write.state = 'NO_ANSWER';
    }
  }

  settled(at: Position, fate: FateName): void {
    if (fate === 'PENDING') return;
    for (const write of this.writes) {
      if (write.answer?.term === at.term && write.answer.index === at.index) write.fate = fate;
    }
  }

  /** Acknowledged, and not known to be committed or gone. */
  get atRisk(): Write[] {
    return this.writes.filter(({ answer, fate }) => answer?.held !== undefined && fate === 'PENDING');
  }

  /** Positions whose fate is still open. */
  get open(): Position[] {
    const open = this.writes.filter(({ answer, fate }) => answer !== undefined && fate === 'PENDING');
    return open.map(({ answer }) => ({ term: answer?.term ?? 0, index: answer?.index ?? 0 })).slice(0, 64);
  }

  isLost({ term, index }: Position): boolean {
    return this.writes.some(({ answer, fate }) => fate === 'LOST' && answer?.term === term && answer.index === index);
  }

  private find(id: number): Write | undefined {
    return this.writes.find((write) => write.id === id);
  }
}
