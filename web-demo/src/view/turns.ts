// Turns: what is drawn again from time to time, one part a frame, so that no frame has all of it to do.

export interface Turn {
  readonly everyMs: number;
  readonly draw: () => void;
}

export class Turns {
  private readonly waiting: { turn: Turn; dueAt: number }[];

  constructor(turns: readonly Turn[]) {
    this.waiting = turns.map((turn) => ({ turn, dueAt: 0 }));
  }

  /** One frame's share: of what is due, what waits longest. */
  refresh(now: number): void {
    const [first] = this.waiting;
    if (first === undefined || first.dueAt > now) return;
    first.turn.draw();
    first.dueAt = now + first.turn.everyMs;
    this.waiting.sort((one, other) => one.dueAt - other.dueAt);
  }
}
