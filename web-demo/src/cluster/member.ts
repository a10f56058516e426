// One node as the page has it: its Worker while it lives, and what it last said.

import { whenEnded } from 'kraft-host-wasm';

import { Log } from './log';
import type { News, Order, Post, Shown, Start } from './protocol';

/** What a Worker has said before it died arrives within this time. */
const LAST_WORDS_MS = 1000;

export type Life = 'STARTING' | 'RUNNING' | 'PAUSED' | 'KILLED' | 'DARK' | 'ENDED';

export class Member {
  life: Life = 'ENDED';
  shown: Shown | undefined;
  readonly log = new Log();
  slowDiskMs = 0;
  private worker: Worker | undefined;
  private orders: Order[] = [];

  constructor(
    readonly node: number,
    private readonly hear: (member: Member, news: News) => void,
    private readonly noteStore: (store: string) => void,
  ) {}

  get isUp(): boolean {
    return this.worker !== undefined && this.life !== 'DARK';
  }

  get isLeader(): boolean {
    return this.life === 'RUNNING' && this.shown?.role === 'LEADER';
  }

  start(start: Start): void {
    if (this.worker !== undefined) return;
    const worker = new Worker(new URL('../worker/node.ts', import.meta.url), { type: 'module', name: `node ${this.node}` });
    this.worker = worker;
    this.life = 'STARTING';
    worker.onmessage = ({ data }: MessageEvent<readonly Post[]>) => {
      for (const news of data) {
        // What a Worker posted before it was terminated may arrive after.
        if (this.worker !== worker) continue;
        if (news.kind === 'life') void this.watch(worker, news.life);
        else if (news.kind === 'store') this.noteStore(news.store);
        else this.hear(this, news);
      }
    };
    worker.onerror = (event) => this.hear(this, { kind: 'ended', reason: event.message || 'its Worker did not load' });
    this.order({ kind: 'start', ...start });
    if (this.slowDiskMs > 0) this.order({ kind: 'disk', slowMs: this.slowDiskMs });
  }

  /** A Worker that dies says nothing: the browser does. */
  private async watch(worker: Worker, life: string): Promise<void> {
    await whenEnded(life);
    await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
    if (this.worker === worker && this.isUp) this.hear(this, { kind: 'ended', reason: 'its Worker died without a word' });
  }

  /** Orders that are given together are one message to the Worker. */
  order(order: Order): void {
    const { worker } = this;
    if (worker === undefined || this.orders.push(order) > 1) return;
    queueMicrotask(() => {
      if (this.worker !== worker) return;
      worker.postMessage(this.orders);
      this.orders = [];
    });
  }

  /** The process dies: what it wrote is with the browser still. */
  kill(): void {
    if (!this.isUp) return;
    this.end('KILLED');
  }

  /** The power goes; its Worker ends once the database has forgotten what was not forced. */
  cutPower(): void {
    if (!this.isUp) return;
    this.life = 'DARK';
    this.order({ kind: 'cut' });
  }

  pause(): void {
    if (this.life !== 'RUNNING') return;
    this.life = 'PAUSED';
    this.order({ kind: 'pause' });
  }

  resume(): void {
    if (this.life !== 'PAUSED') return;
    this.life = 'RUNNING';
    this.order({ kind: 'resume' });
  }

  slowDisk(slowMs: number): void {
    this.slowDiskMs = slowMs;
    this.order({ kind: 'disk', slowMs });
  }

  /** Its Worker is gone. */
  end(life: 'KILLED' | 'DARK' | 'ENDED'): void {
    this.worker?.terminate();
    this.worker = undefined;
    this.orders = [];
    this.life = life;
  }

  /** Whether it can be started: a cut node's Worker ends a moment after its power. */
  get isGone(): boolean {
    return this.worker === undefined;
  }
}
