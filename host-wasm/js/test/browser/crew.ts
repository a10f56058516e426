// Three nodes in Workers over IndexedDB, as a page has them.

import type { Answer, Asked, View } from '../../index.js';
import { pause } from '../cluster.js';
import type { Order } from './worker.js';

const IDS = [1, 2, 3] as const;

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** One node's Worker, asked with promises. */
class Hand {
  private readonly worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private asked = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiter = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error === undefined) waiter?.resolve(data.result as never);
      else waiter?.reject(new Error(data.error));
    };
  }

  tell(order: Order, moved: Transferable[] = []): void {
    this.worker.postMessage(order, moved);
  }

  ask<T>(make: (id: number) => Order): Promise<T> {
    this.asked += 1;
    const id = this.asked;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage(make(id));
    });
  }

  terminate(): void {
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(new Error('the Worker was terminated'));
  }
}

/** The Workers of one cluster. */
export class Crew {
  private readonly hands = new Map<number, Hand>();

  constructor(private readonly cluster: string) {}

  async start(): Promise<void> {
    for (const node of IDS) this.hands.set(node, new Hand());
    for (const one of IDS) {
      for (const other of IDS) {
        if (one >= other) continue;
        const { port1, port2 } = new MessageChannel();
        this.hand(one).tell({ kind: 'CONNECT', node: other, port: port1 }, [port1]);
        this.hand(other).tell({ kind: 'CONNECT', node: one, port: port2 }, [port2]);
      }
    }
    for (const node of IDS) this.hand(node).tell({ kind: 'START', cluster: this.cluster, node, voters: IDS });
    await this.leader();
  }

  /** Every Worker ends, whatever it is doing. */
  terminate(): void {
    for (const hand of this.hands.values()) hand.terminate();
    this.hands.clear();
  }

  async stop(): Promise<void> {
    await Promise.all(IDS.map((node) => this.hand(node).ask((id) => ({ kind: 'STOP', id }))));
    this.terminate();
  }

  async leader(): Promise<number> {
    for (;;) {
      const views = await Promise.all(IDS.map((node) => this.view(node)));
      const leading = IDS.filter((_, place) => views[place]?.role === 'LEADER');
      if (leading[0] !== undefined) return leading[0];
      await pause();
    }
  }

  async put(command: string, asked: Asked = {}): Promise<Answer> {
    for (;;) {
      const leader = await this.leader();
      const answer = await this.hand(leader)
        .ask<Answer>((id) => ({ kind: 'PUT', id, command, asked }))
        .catch((error: Error) => error);
      if (!(answer instanceof Error)) return answer;
      if (!answer.message.startsWith('Refused')) throw answer;
      await pause();
    }
  }

  /** The life of a node. */
  async life(node: number): Promise<string> {
    for (;;) {
      const life = await this.hand(node).ask<string | undefined>((id) => ({ kind: 'LIFE', id }));
      if (life !== undefined) return life;
      await pause();
    }
  }

  /** Its Worker ends from within, without a word. */
  silence(node: number): void {
    this.hand(node).tell({ kind: 'SILENCE' });
  }

  view(node: number): Promise<View | undefined> {
    return this.hand(node).ask((id) => ({ kind: 'VIEW', id }));
  }

  /** What a node has applied, once that is everything. */
  async commands(node: number): Promise<string[]> {
    for (;;) {
      const view = await this.view(node);
      if (view !== undefined && view.applied === view.last) return this.hand(node).ask((id) => ({ kind: 'COMMANDS', id }));
      await pause();
    }
  }

  private hand(node: number): Hand {
    const hand = this.hands.get(node);
    if (hand === undefined) throw new Error(`node ${node} has no Worker`);
    return hand;
  }
}
