// Who moves the lab: worlds are told again when the lesson changes, and time goes on or to where a hand puts it.

import { Engine } from '../engine/engine';
import type { Told } from '../engine/protocol';
import { type Class, type Lesson, runOf, SPAN_US } from './lesson';
import type { Store } from './store';
import { followSpeed, stopsAt } from './pace';

/** What one frame may let pass at most, after a pause of the browser. */
const FRAME_MS_MAX = 100;

export class Director {
  private readonly engine: Engine;
  private telling: 'IDLE' | 'BUSY' = 'IDLE';
  private waiting: { lesson: Lesson; how: 'QUICK' | 'WHOLE' } | undefined;
  private showing: 'IDLE' | 'BUSY' = 'IDLE';
  private toShow: number | undefined;
  private frameAt = 0;
  /** A first telling stops at its verdict; later ones go on to the end. */
  private stopUs = Infinity;
  private readonly past: Lesson[] = [];
  private readonly empty = new Map<string, string>();

  constructor(readonly store: Store) {
    this.engine = new Engine((why) => store.set({ notice: `The simulator ended: ${why}. Reload the page.`, motion: 'STILL' }));
  }

  /** Another lesson: all its worlds are told again. The one before can be gone back to. */
  async change(lesson: Lesson, how: 'QUICK' | 'WHOLE' = 'WHOLE', keep: 'KEEP' | 'FORGET' = 'KEEP'): Promise<void> {
    const { store } = this;
    if (keep === 'KEEP' && how === 'WHOLE') {
      this.past.push(store.state.lesson);
      store.set({ before: store.world });
    }
    const lane = Math.min(store.state.lane, this.classesOf(lesson).length - 1);
    store.set({ lesson, lane });
    await this.tell(lesson, how);
  }

  /** A hand takes hold of a fault: what is so now is what it was before. */
  hold(): void {
    this.past.push(this.store.state.lesson);
    this.store.set({ before: this.store.world, motion: 'STILL' });
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  async undo(): Promise<void> {
    const lesson = this.past.pop();
    if (lesson === undefined) return;
    this.store.set({ before: undefined, lesson });
    await this.tell(lesson, 'WHOLE');
  }

  classesOf(lesson: Lesson): readonly (Class | undefined)[] {
    if (lesson.run === undefined) return lesson.classes;
    return [this.store.state.story?.class];
  }

  /** The run of a lane, for a file. */
  async run(lane: number): Promise<string> {
    const { lesson } = this.store.state;
    return this.runFor(lesson, this.classesOf(lesson)[lane]);
  }

  draw(seed: number): Promise<string> {
    return this.engine.draw(seed);
  }

  private async runFor(lesson: Lesson, asked: Class | undefined): Promise<string> {
    const key = `${lesson.nodes} ${lesson.seed}`;
    let empty = this.empty.get(key);
    if (empty === undefined) {
      empty = await this.engine.lab(lesson.nodes, lesson.seed);
      this.empty.set(key, empty);
    }
    return runOf(lesson, asked ?? { mode: 'SYNC', fsync: 'COMMIT' }, empty);
  }

  private async tell(lesson: Lesson, how: 'QUICK' | 'WHOLE'): Promise<void> {
    this.waiting = { lesson, how };
    if (this.telling === 'BUSY') return;
    this.telling = 'BUSY';
    try {
      while (this.waiting !== undefined) {
        const { lesson, how } = this.waiting;
        this.waiting = undefined;
        const began = performance.now();
        const worlds = await Promise.all(this.classesOf(lesson).map(async (asked, lane) => this.engine.tell(lane, await this.runFor(lesson, asked), how)));
        this.store.set({ worlds, recountMs: performance.now() - began });
        this.show();
      }
    } catch (error) {
      this.store.set({ notice: `This run cannot be played: ${error instanceof Error ? error.message : String(error)}` });
    } finally {
      this.telling = 'IDLE';
    }
  }

  get spanUs(): number {
    return spanOf(this.store.state.lesson);
  }

  seek(atUs: number): void {
    this.store.set({ atUs: Math.min(this.spanUs, Math.max(0, Math.round(atUs))) });
    this.show();
  }

  select(lane: number): void {
    this.store.set({ lane, before: undefined, chosen: undefined });
    this.show();
  }

  /** To the next or the last event, or answer. */
  async step(way: 1 | -1, to: 'EVENT' | 'ANSWER'): Promise<void> {
    const { atUs, lane } = this.store.state;
    this.store.set({ motion: 'STILL' });
    const { world } = this.store;
    if (world === undefined) return;
    if (way === 1 && to === 'EVENT') return this.seek(await this.engine.nextEvent(lane, atUs));
    const stops = world.moments.filter(({ kind }) => to === 'EVENT' || kind === 'answer').map(({ atUs }) => atUs);
    const next = way === 1 ? stops.find((stop) => stop > atUs) : stops.findLast((stop) => stop < atUs);
    if (next !== undefined) this.seek(next);
  }

  play(until: 'VERDICT' | 'END'): void {
    const { store } = this;
    if (store.state.atUs >= this.spanUs) this.seek(0);
    this.stopUs = until === 'VERDICT' && store.world !== undefined ? stopsAt(store.state.lesson, store.world) : Infinity;
    const broken = store.world?.violation?.at_us ?? Infinity;
    if (broken > store.state.atUs) this.stopUs = Math.min(this.stopUs, broken);
    store.set({ motion: 'PLAYING', seen: until === 'END' ? 'YES' : store.state.seen });
    this.frameAt = performance.now();
    requestAnimationFrame((now) => this.frame(now));
  }

  pause(): void {
    this.store.set({ motion: 'STILL', seen: 'YES' });
  }

  /** How fast the world goes now, as seconds of its own a second. */
  speedNow(): number {
    const { speed, atUs, lesson } = this.store.state;
    const { world } = this.store;
    return speed === 'FOLLOW' && world !== undefined ? followSpeed(lesson, world, atUs) : speed === 'FOLLOW' ? 1 : speed;
  }

  private frame(now: number): void {
    const { store } = this;
    if (store.state.motion !== 'PLAYING') return;
    const goneMs = Math.min(FRAME_MS_MAX, Math.max(0, now - this.frameAt));
    this.frameAt = now;
    const atUs = store.state.atUs + goneMs * 1000 * this.speedNow();
    const endUs = Math.min(this.spanUs, this.stopUs);
    this.seek(Math.min(atUs, endUs));
    if (atUs >= endUs) return store.set({ motion: 'STILL', seen: 'YES' });
    requestAnimationFrame((next) => this.frame(next));
  }

  /** Shows the moment that is wanted now; whatever is asked for meanwhile is shown after. */
  private show(): void {
    this.toShow = this.store.state.atUs;
    if (this.showing === 'BUSY') return;
    this.showing = 'BUSY';
    void this.showAll();
  }

  private async showAll(): Promise<void> {
    try {
      while (this.toShow !== undefined) {
        const atUs = this.toShow;
        this.toShow = undefined;
        const { lane, worlds } = this.store.state;
        if (worlds[lane] === undefined) break;
        this.store.set({ view: await this.engine.show(lane, atUs) });
      }
    } catch (error) {
      this.store.set({ notice: error instanceof Error ? error.message : String(error) });
    } finally {
      this.showing = 'IDLE';
    }
  }
}

export function spanOf(lesson: Lesson): number {
  return lesson.run === undefined ? SPAN_US : (JSON.parse(lesson.run) as { storm_us: number }).storm_us;
}

/** The answers of a world, counted: what its lane says. */
export interface Score {
  readonly told: number;
  readonly lost: number;
  readonly silent: number;
  readonly medianMs: number | undefined;
}

export function scoreOf(told: Told, spanUs: number): Score {
  const writes = told.writes.filter(({ askedUs }) => askedUs <= spanUs);
  const answered = writes.filter(({ told }) => told);
  const took = answered.map(({ askedUs, answeredUs }) => ((answeredUs ?? 0) - askedUs) / 1000).sort((one, other) => one - other);
  return {
    told: answered.length,
    lost: answered.filter(({ fate }) => fate === 'lost').length,
    silent: writes.length - answered.length,
    medianMs: took[Math.floor(took.length / 2)],
  };
}
