// What the client asked for and was told: every write, its answer, and what became of it.

import type { Answer, Class, FateName } from 'kraft-host-wasm';

import type { Position } from '../cluster/protocol';
import { holders, majority } from './words';

export interface Write {
  readonly id: number;
  readonly key: string;
  readonly bytes: number;
  readonly asked: Class;
  readonly node: number;
  readonly askedAt: number;
  /** How many vote: when it was asked for, and then when it was answered. */
  voters: number;
  state: 'ASKED' | 'ANSWERED' | 'REFUSED' | 'NO_ANSWER';
  answer: Answer | undefined;
  latencyMs: number | undefined;
  fate: FateName;
  why: string;
}

/** So many writes are remembered of which nothing more is to be heard. Those that are open are all remembered: the cores
 * take on no more than their own limits. */
const SETTLED_MAX = 400;

export class Ledger {
  readonly writes: Write[] = [];
  private readonly lost = new Map<string, 'ACKNOWLEDGED' | 'UNANSWERED'>();
  private next = 1;

  ask(key: string, bytes: number, asked: Class, node: number, voters: number): Write {
    const write: Write = {
      id: this.next++, key, bytes, asked, node, voters, askedAt: performance.now(),
      state: 'ASKED', answer: undefined, latencyMs: undefined, fate: 'PENDING', why: '',
    };
    this.writes.push(write);
    if (this.writes.length > SETTLED_MAX) this.forget();
    return write;
  }

  answered(id: number, answer: Answer, voters: number | undefined): Write | undefined {
    const write = this.find(id);
    if (write === undefined) return undefined;
    write.voters = voters ?? write.voters;
    write.state = 'ANSWERED';
    write.answer = answer;
    write.latencyMs = performance.now() - write.askedAt;
    if (answer.grade === 'LOST') this.settled(answer, 'LOST');
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

  /** The fate of a position; returns the write that stood there, if this page asked for it. */
  settled(at: Position, fate: FateName): Write | undefined {
    if (fate === 'PENDING') return undefined;
    const write = this.writes.find(({ answer }) => answer?.term === at.term && answer.index === at.index);
    if (write !== undefined) write.fate = fate;
    if (fate === 'LOST') this.lost.set(`${at.term} ${at.index}`, write !== undefined && isAcknowledged(write) ? 'ACKNOWLEDGED' : 'UNANSWERED');
    return write;
  }

  /** The write that stands at this position, if this page was answered with it. */
  at({ term, index }: Position): Write | undefined {
    return this.writes.findLast(({ answer }) => answer?.term === term && answer.index === index);
  }

  /** Acknowledged on less than a majority's disks, and not known to be committed or gone. */
  get atRisk(): Write[] {
    return this.writes.filter((write) => this.isAtRisk(write));
  }

  isAtRisk({ answer, fate, voters }: Write): boolean {
    if (answer?.held === undefined || fate !== 'PENDING') return false;
    return answer.held !== 'SYNCED' || holders(answer.mode, voters) < majority(voters);
  }

  /** Positions whose fate is still open. */
  get open(): Position[] {
    const open = this.writes.filter(({ answer, fate }) => answer !== undefined && fate === 'PENDING');
    return open.map(({ answer }) => ({ term: answer?.term ?? 0, index: answer?.index ?? 0 })).slice(0, 64);
  }

  /** Whether the entry is gone, and whether somebody had been told yes. */
  lossOf({ term, index }: Position): 'ACKNOWLEDGED' | 'UNANSWERED' | undefined {
    return this.lost.get(`${term} ${index}`);
  }

  /** Makes room: of the oldest write that nothing is to be heard of any more, if there is one. */
  private forget(): void {
    const over = this.writes.findIndex(({ state, answer, fate }) => state !== 'ASKED' && (answer === undefined || fate !== 'PENDING'));
    if (over >= 0) this.writes.splice(over, 1);
  }

  private find(id: number): Write | undefined {
    return this.writes.findLast((write) => write.id === id);
  }
}

/** Whether the client was told yes: something held it. */
export function isAcknowledged({ answer }: Write): boolean {
  return answer?.held !== undefined;
}
