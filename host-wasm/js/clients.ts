// Who waits for a node's answers: writes by token, reads by ticket and then by what is applied.

import type { Node } from '../pkg/host_wasm.js';
import { type CommitMode, type FsyncMode, type GradeName, gradeName, type HeldAs, heldName, modeName } from './classes.js';
import { Refused } from './refused.js';

/** What a write asks for. */
export interface Asked {
  readonly mode?: CommitMode;
  readonly fsync?: FsyncMode;
  /** The key it is about, if zones are to decide what the request does not name. */
  readonly key?: string;
  /** Milliseconds until the client wants to be told something. */
  readonly timeout?: number;
  /** For ALL: settle for a majority when the time is up. */
  readonly fallback?: 'REFUSE' | 'TO_MAJORITY';
}

/** Where an entry stands. Both: another term's entry at an index is another entry. */
export interface Position {
  readonly term: number;
  readonly index: number;
}

/** What a read asks for. */
export interface ReadAsked {
  /** The write that it must see, whatever its class. */
  readonly after?: Position;
}

/** What somebody asks for who awaits more for a write. */
export interface AwaitAsked {
  /** Milliseconds until the client wants to be told something. */
  readonly timeout?: number;
}

/** What a client is told of its write: never more than was held. */
export interface Answer extends Position {
  readonly grade: GradeName;
  readonly mode: CommitMode;
  readonly held: HeldAs;
}

export interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Who waits for an answer: whoever wrote is told where that stands, however the node ends. */
interface Writer extends Waiter<Answer> {
  readonly wrote?: Position & { readonly mode: CommitMode };
}

/** Those who wait. */
export class Clients {
  private readonly writes = new Map<number, Writer>();
  private readonly reads = new Map<number, Waiter<number>[]>();
  /** Reads that may be served once so much is applied, in that order. */
  private readonly ready: { index: number; waiter: Waiter<number> }[] = [];

  awaitWrite(token: number, waiter: Writer): void {
    this.writes.set(token, waiter);
  }

  awaitRead(ticket: number, waiter: Waiter<number>): void {
    const waiters = this.reads.get(ticket);
    if (waiters === undefined) this.reads.set(ticket, [waiter]);
    else waiters.push(waiter);
  }

  /** The answer that the core shows. */
  answer(core: Node): void {
    const waiter = this.writes.get(core.answerToken);
    this.writes.delete(core.answerToken);
    waiter?.resolve({
      term: core.answerTerm,
      index: core.answerIndex,
      grade: gradeName(core.answerGrade),
      mode: modeName(core.answerMode),
      held: heldName(core.answerHeld),
    });
  }

  /** A batch of reads may be served once `index` is applied; 0: it cannot be served. */
  readEnds(ticket: number, index: number, applied: number): void {
    const waiters = this.reads.get(ticket) ?? [];
    this.reads.delete(ticket);
    for (const waiter of waiters) {
      if (index === 0) {
        waiter.reject(new Refused('BUSY', 'the read cannot be served any more: ask again', undefined));
      } else if (index <= applied) {
        waiter.resolve(index);
      } else {
        this.ready.push({ index, waiter });
        this.ready.sort((one, other) => one.index - other.index);
      }
    }
  }

  /** Everything through `applied` is applied. */
  serve(applied: number): void {
    while (this.ready[0] !== undefined && this.ready[0].index <= applied) {
      const { index, waiter } = this.ready.shift() as { index: number; waiter: Waiter<number> };
      waiter.resolve(index);
    }
  }

  /** The node has ended. What was written may be committed by others still: only its position can be told. */
  end(reason: Error): void {
    for (const { wrote, resolve, reject } of this.writes.values()) {
      if (wrote === undefined) reject(reason);
      else resolve({ ...wrote, grade: 'UNKNOWN', held: undefined });
    }
    const reading = [...[...this.reads.values()].flat(), ...this.ready.map(({ waiter }) => waiter)];
    for (const waiter of reading) waiter.reject(reason);
  }
}
