// The links between nodes: the page carries every message, so it can draw, delay and drop it.

import type { About, Message } from 'kraft-host-wasm';

import { type Look, lookOf } from './look';

/** A message under way. */
export interface Flight extends Look {
  readonly from: number;
  readonly to: number;
  readonly sentAt: number;
  readonly dueAt: number;
  readonly message: Message;
}

/** What is due so soon after something else arrives with it: a timer each costs more than the message. */
const TOGETHER_MS = 4;
/** A hidden page takes none for as long as it is hidden. */
const LANDED_MAX = 64;

export class Network {
  /** Milliseconds a message takes. */
  delayMs = 0;
  readonly flights = new Set<Flight>();
  /** What has ended since the picture last took it: a message shorter than a frame is to be seen too. */
  private landed: Flight[] = [];
  private readonly isolated = new Set<number>();
  /** Links that are cut one way, as `from to`. */
  private readonly severed = new Set<string>();
  /** One side of a split; the others are the other. Nobody: there is none. */
  private side: ReadonlySet<number> = new Set();
  private readonly slow = new Map<number, number>();
  private readonly lastDue = new Map<string, number>();
  private alarm: { readonly at: number; readonly timer: ReturnType<typeof setTimeout> } | undefined;

  constructor(private readonly deliver: (from: number, to: number, message: Message) => void) {}

  carry(from: number, to: number, message: Message, about: About): void {
    if (this.isCut(from, to)) return;
    const sentAt = performance.now();
    const link = linkOf(from, to);
    const delay = this.delayMs + (this.slow.get(from) ?? 0) + (this.slow.get(to) ?? 0);
    // One link keeps its order, as a stream does.
    const dueAt = Math.max(sentAt + delay, this.lastDue.get(link) ?? 0);
    this.lastDue.set(link, dueAt);
    this.flights.add({ ...lookOf(about), from, to, sentAt, dueAt, message });
    this.wake(dueAt);
  }

  /** Sees to it that something looks for what has arrived, at this time or before. */
  private wake(at: number): void {
    if (this.alarm !== undefined && this.alarm.at <= at) return;
    clearTimeout(this.alarm?.timer);
    this.alarm = { at, timer: setTimeout(() => this.arrive(), at - performance.now()) };
  }

  private arrive(): void {
    this.alarm = undefined;
    const until = performance.now() + TOGETHER_MS;
    let next = Infinity;
    for (const flight of this.flights) {
      const { from, to, dueAt, message } = flight;
      if (dueAt > until) {
        next = Math.min(next, dueAt);
        continue;
      }
      this.flights.delete(flight);
      if (this.landed.length < LANDED_MAX) this.landed.push(flight);
      // A link that was cut meanwhile loses what was under way.
      if (!this.isCut(from, to)) this.deliver(from, to, message);
    }
    if (next < Infinity) this.wake(next);
  }

  takeLanded(): readonly Flight[] {
    const { landed } = this;
    this.landed = [];
    return landed;
  }

  isCut(from: number, to: number): boolean {
    return this.isolated.has(from) || this.isolated.has(to) || this.isSevered(from, to) || this.side.has(from) !== this.side.has(to);
  }

  /** Nothing passes from the one to the other; what comes back does. */
  sever(from: number, to: number): void {
    this.severed.add(linkOf(from, to));
  }

  mend(from: number, to: number): void {
    this.severed.delete(linkOf(from, to));
  }

  isSevered(from: number, to: number): boolean {
    return this.severed.has(linkOf(from, to));
  }

  isIsolated(node: number): boolean {
    return this.isolated.has(node);
  }

  isolate(node: number): void {
    this.isolated.add(node);
  }

  join(node: number): void {
    this.isolated.delete(node);
  }

  /** These nodes hear each other, and the others each other, and nothing passes between. */
  split(side: Iterable<number>): void {
    this.side = new Set(side);
  }

  get isSplit(): boolean {
    return this.side.size > 0;
  }

  /** Messages from and to this node take so much longer. */
  slowDown(node: number, extraMs: number): void {
    if (extraMs > 0) this.slow.set(node, extraMs);
    else this.slow.delete(node);
  }

  slownessOf(node: number): number {
    return this.slow.get(node) ?? 0;
  }

  heal(): void {
    this.isolated.clear();
    this.severed.clear();
    this.side = new Set();
    this.slow.clear();
  }
}

function linkOf(from: number, to: number): string {
  return `${from} ${to}`;
}
