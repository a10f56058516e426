// The Workers as the page has them: asked by promises. Lanes are shared out, so that two are played at once.

import type { Answer, Ask, Told } from './protocol';
import type { WorldView } from './records';

type Question = Ask extends infer One ? (One extends Ask ? Omit<One, 'id'> : never) : never;

const WORKERS_MAX = 2;

export class Engine {
  private readonly workers: Worker[];
  private readonly open = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  private next = 1;

  constructor(private readonly died: (why: string) => void) {
    const count = Math.min(WORKERS_MAX, navigator.hardwareConcurrency || 1);
    this.workers = Array.from({ length: count }, () => this.start());
  }

  private start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'simulator' });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.open.get(data.id);
      this.open.delete(data.id);
      if (data.kind === 'failed') waiting?.reject(new Error(data.why));
      else waiting?.resolve(data);
    };
    worker.onerror = (event) => this.died(event.message || 'the simulator did not load');
    return worker;
  }

  private ask(question: Question, lane: number): Promise<Answer> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      this.workers[lane % this.workers.length]?.postMessage({ ...question, id });
    });
  }

  async tell(lane: number, run: string, how: 'QUICK' | 'WHOLE'): Promise<Told> {
    const said = await this.ask({ kind: 'tell', lane, run, how }, lane);
    if (said.kind !== 'told') throw new Error('the Worker answers something else');
    return said.told;
  }

  async show(lane: number, atUs: number): Promise<WorldView> {
    const said = await this.ask({ kind: 'show', lane, atUs }, lane);
    if (said.kind !== 'shown') throw new Error('the Worker answers something else');
    return said.view;
  }

  /** The moment of the next event. */
  async nextEvent(lane: number, atUs: number): Promise<number> {
    const said = await this.ask({ kind: 'next', lane, atUs }, lane);
    return said.kind === 'next' ? said.atUs : atUs;
  }

  /** The run of a lesson's cluster in which nothing is done yet. */
  async lab(nodes: number, seed: number): Promise<string> {
    const said = await this.ask({ kind: 'setup', nodes, seed }, 0);
    return said.kind === 'run' ? said.run : '';
  }

  /** The run of a seed of the sweep. */
  async draw(seed: number): Promise<string> {
    const said = await this.ask({ kind: 'draw', seed }, 0);
    return said.kind === 'run' ? said.run : '';
  }
}
