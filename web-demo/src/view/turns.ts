// Turns: what is drawn again from time to time, a little each frame, so that no frame has all of it to do.

/** Milliseconds of a frame after which no further turn begins. */
const SPENT_MS = 2;

export interface Turn {
  readonly everyMs: number;
  readonly draw: () => void;
}

export class Turns {
  private readonly waiting: { turn: Turn; dueAt: number }[];

  constructor(turns: readonly Turn[]) {
    this.waiting = turns.map((turn) => ({ turn, dueAt: 0 }));
  }

  /** One frame's share: what is due, the longest waiting first, and at least one of it. */
  refresh(now: number): void {
    const began = performance.now();
    do {
      const [first] = this.waiting;
      if (first === undefined || first.dueAt > now) return;
      first.turn.draw();
      first.dueAt = now + first.turn.everyMs;
      this.waiting.sort((one, other) => one.dueAt - other.dueAt);
    } while (performance.now() - began < SPENT_MS);
  }
}
