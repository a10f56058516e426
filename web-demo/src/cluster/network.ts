// The links between nodes: the page carries every message, so it can draw, delay and drop it.

import type { Message } from 'kraft-host-wasm';

import { glance, type Glance } from './frame';

/** A message under way. */
export interface Flight extends Glance {
  readonly from: number;
  readonly to: number;
  readonly sentAt: number;
  readonly dueAt: number;
}

export class Network {
  /** Milliseconds a message takes. */
  delayMs = 0;
  readonly flights = new Set<Flight>();
  private readonly isolated = new Set<number>();
  /** One side of a split; the others are the other. Nobody: there is none. */
  private side: ReadonlySet<number> = new Set();
  private readonly slow = new Map<number, number>();
  private readonly lastDue = new Map<string, number>();

  constructor(private readonly deliver: (from: number, to: number, message: Message) => void) {}

  carry(from: number, to: number, message: Message): void {
    if (this.isCut(from, to)) return;
    const sentAt = performance.now();
    const link = `${from} ${to}`;
    const delay = this.delayMs + (this.slow.get(from) ?? 0) + (this.slow.get(to) ?? 0);
    // One link keeps its order, as a stream does.
    const dueAt = Math.max(sentAt + delay, this.lastDue.get(link) ?? 0);
    this.lastDue.set(link, dueAt);
    const flight: Flight = { ...glance(message.frame), from, to, sentAt, dueAt };
    this.flights.add(flight);
    setTimeout(() => {
      this.flights.delete(flight);
      // A link that was cut meanwhile loses what was under way.
      if (!this.isCut(from, to)) this.deliver(from, to, message);
    }, dueAt - sentAt);
  }

  isCut(from: number, to: number): boolean {
    return this.isolated.has(from) || this.isolated.has(to) || this.side.has(from) !== this.side.has(to);
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
    this.side = new Set();
    this.slow.clear();
  }
}
