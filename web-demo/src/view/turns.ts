// Turns: what is drawn again from time to time, one part a frame, so that no frame has all of it to do.

export interface Turn {
  readonly everyMs: number;
  readonly draw: () => void;
}

export class Turns {
  private readonly waiting: { readonly turn: Turn; drawnAt: number }[] = [];

  add(turn: Turn): void {
    this.waiting.push({ turn, drawnAt: -Infinity });
  }

  /** One frame's share: of what is due, what waits longest for how often it should be drawn. */
  refresh(now: number): void {
    const lateness = ({ turn, drawnAt }: { turn: Turn; drawnAt: number }): number => (now - drawnAt) / turn.everyMs;
    const first = this.waiting.reduce((one, other) => (lateness(other) > lateness(one) ? other : one));
    if (lateness(first) < 1) return;
    first.drawnAt = now;
    first.turn.draw();
  }
}
