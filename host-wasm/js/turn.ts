// When work is done: at the end of a turn, some microtasks on, or at a moment; once, however often it was asked for.
//
// The end of a turn is when everybody who has just been answered has said what comes next.
// Clients that write again do so some microtasks later, nobody knows how many: each `await` between is one.
// The next task comes behind all of them. Timers would wait for milliseconds, and in hidden pages for a second.

type Work = () => void;

/** Runs this as a task of its own, right behind this one. */
export const nextTurn: (work: Work) => void = typeof setImmediate === 'function' ? (work) => void setImmediate(work) : overChannel();

function overChannel(): (work: Work) => void {
  const waiting: Work[] = [];
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => waiting.shift()?.();
  return (work) => {
    waiting.push(work);
    port1.postMessage(undefined);
  };
}

/** Runs this so many microtasks on. */
export async function afterHops(count: number, work: Work): Promise<void> {
  for (let hop = 0; hop < count; hop++) await undefined;
  work();
}

/** Work that is done once for everybody who asks before it is. */
export class Gathered {
  private asked: 'DUE' | 'NOT_DUE' = 'NOT_DUE';

  constructor(
    private readonly later: (work: Work) => void,
    private readonly work: Work,
  ) {}

  ask(): void {
    if (this.asked === 'DUE') return;
    this.asked = 'DUE';
    this.later(() => {
      this.asked = 'NOT_DUE';
      this.work();
    });
  }
}

/** Work that is due at a moment, in microseconds on the clock of `now`. */
export class Alarm {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private at = Infinity;

  constructor(private readonly work: Work) {}

  /** Rings at this moment or, where it is set to an earlier one, then: whoever it wakes sets it again. */
  set(at: number): void {
    if (this.timer !== undefined && this.at <= at) return;
    clearTimeout(this.timer);
    this.at = at;
    const delay = Math.min(Math.max(0, Math.ceil((at - now()) / 1e3)), 2 ** 31 - 1);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.work();
    }, delay);
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}

/** Microseconds on a clock that never goes back. */
export function now(): number {
  return performance.now() * 1e3;
}
