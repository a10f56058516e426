// The lab's state in one place, and who is told when it changes.

import type { Told } from '../engine/protocol';
import type { WorldMessage, WorldView } from '../engine/records';
import type { Lesson } from './lesson';
import { FIRST } from './lesson';
import type { Story } from './stories';

/** What a person has tapped. */
export type Chosen =
  | { readonly kind: 'write'; readonly ask: number }
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'message'; readonly message: WorldMessage }
  | { readonly kind: 'word'; readonly word: string };

export type Speed = 'FOLLOW' | number;

export interface State {
  readonly lesson: Lesson;
  /** A world for each class, once it is played. */
  readonly worlds: readonly (Told | undefined)[];
  /** The selected world before the last change: as it was. */
  readonly before: Told | undefined;
  readonly lane: number;
  readonly atUs: number;
  /** Of the selected world at that moment. */
  readonly view: WorldView | undefined;
  readonly motion: 'PLAYING' | 'STILL';
  readonly speed: Speed;
  readonly chosen: Chosen | undefined;
  /** The fault whose handle was touched last. */
  readonly fault: number | undefined;
  readonly story: Story | undefined;
  readonly challenge: 'LOSE' | 'LIAR' | undefined;
  /** How long the last recount of all worlds took. */
  readonly recountMs: number;
  /** What went wrong on the page itself, or a link that is not what it was. */
  readonly notice: string;
  /** Whether the first telling has come to its end. */
  readonly seen: 'NO' | 'YES';
}

type Listener = (state: State, changed: ReadonlySet<keyof State>) => void;

export class Store {
  private readonly listeners: Listener[] = [];
  private current: State = {
    lesson: FIRST, worlds: [], before: undefined, lane: 2, atUs: 0, view: undefined, motion: 'STILL', speed: 'FOLLOW', chosen: undefined,
    fault: undefined, story: undefined, challenge: undefined, recountMs: 0, notice: '', seen: 'NO',
  };

  get state(): State {
    return this.current;
  }

  set(patch: Partial<State>): void {
    const changed = new Set((Object.keys(patch) as (keyof State)[]).filter((key) => patch[key] !== this.current[key]));
    if (changed.size === 0) return;
    this.current = { ...this.current, ...patch };
    for (const listener of this.listeners) listener(this.current, changed);
  }

  /** Told from now on, and once at once. */
  watch(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.current, new Set(Object.keys(this.current) as (keyof State)[]));
  }

  get world(): Told | undefined {
    return this.current.worlds[this.current.lane];
  }
}
