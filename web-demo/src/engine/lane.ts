// One world on the timeline: its run played to the end, a keyframe each second on the way, and any moment of it.
//
// A run that is told again from where it differs starts at the last keyframe before that.

import type { World } from '../../world/pkg/world.js';
import { ledgerOf } from './ledger';
import type { Told } from './protocol';
import { type Happening, happening, type Row, type WorldView } from './records';

const SECOND_US = 1_000_000;
/** So many keyframes of one lane are kept, whatever it lasts: memory of wasm never shrinks. */
const KEYFRAMES_MAX = 64;
/** Entries of each log that a view has. */
const ENTRIES = 64;

interface Keyframe {
  readonly atUs: number;
  readonly world: World;
  /** How many records there were. */
  readonly records: number;
}

/** What is done in a run, and when: what two runs are compared by. */
interface Plan {
  readonly actions: readonly { readonly at_us: number }[];
}

export class Lane {
  private keyframes: Keyframe[] = [];
  private records: Happening[] = [];
  private run = '';
  /** A world that goes on forward from what was shown last. */
  private cursor: World | undefined;

  constructor(private readonly create: (run: string) => World, private readonly memory: () => number) {}

  tell(run: string, how: 'QUICK' | 'WHOLE'): Told {
    const began = performance.now();
    this.forget(differsAt(this.run, run));
    this.run = run;
    const from = this.keyframes.at(-1);
    this.records.length = from?.records ?? 0;
    const world = from === undefined ? this.create(run) : from.world.retell(run);
    if (from === undefined) world.watch();
    const gapUs = Math.max(SECOND_US, Math.ceil(world.stormUs / KEYFRAMES_MAX / SECOND_US) * SECOND_US);
    for (let atUs = (from?.atUs ?? 0) + gapUs; atUs < world.stormUs; atUs += gapUs) {
      world.playUntil(atUs);
      // While a hand drags, those before the fault are enough.
      if (how === 'WHOLE' || this.keyframes.length < 2) this.keep(world);
    }
    world.finish();
    this.hear(world);
    const view = JSON.parse(world.view(10_000)) as WorldView;
    const hash = how === 'WHOLE' ? world.hash() : '';
    const endUs = world.nowUs;
    world.free();
    return {
      ...ledgerOf(this.records, view.violation === null ? 'WHOLE' : 'BROKEN'), endUs, hash, violation: view.violation, inLog: view.nodes[0]?.log.map(([term], at) => `${term} ${at + 1}`) ?? [],
      playedMs: performance.now() - began, memoryBytes: this.memory(),
    };
  }

  show(atUs: number): WorldView {
    return JSON.parse(this.at(atUs).view(ENTRIES)) as WorldView;
  }

  /** When something happens next, behind this moment. */
  next(atUs: number): number {
    const world = this.at(atUs).branch();
    let more = true;
    while (more && world.nowUs <= atUs) more = world.playEvent(atUs + SECOND_US);
    const at = world.nowUs;
    world.free();
    return at;
  }

  private at(atUs: number): World {
    const { cursor } = this;
    const from = this.keyframes.findLast((keyframe) => keyframe.atUs <= atUs);
    const goesOn = cursor !== undefined && cursor.nowUs <= atUs && cursor.nowUs >= (from?.atUs ?? 0);
    if (!goesOn) {
      cursor?.free();
      this.cursor = from?.world.branch() ?? this.create(this.run);
    }
    this.cursor!.playUntil(atUs);
    return this.cursor!;
  }

  private keep(world: World): void {
    this.hear(world);
    this.keyframes.push({ atUs: world.nowUs, world: world.branch(), records: this.records.length });
  }

  private hear(world: World): void {
    const { records } = JSON.parse(world.happenings(this.records.length)) as { records: Row[] };
    for (const row of records) this.records.push(happening(row));
  }

  /** Forgets what is not so any more, from this moment on. */
  private forget(fromUs: number): void {
    this.cursor?.free();
    this.cursor = undefined;
    const stay = this.keyframes.findIndex(({ atUs }) => atUs >= fromUs);
    if (stay < 0) return;
    for (const { world } of this.keyframes.splice(stay)) world.free();
  }
}

/** The first moment at which two runs differ; 0 where they are others from the start. */
function differsAt(before: string, after: string): number {
  if (before === '') return 0;
  const [one, other] = [JSON.parse(before) as Plan, JSON.parse(after) as Plan];
  const rest = ({ actions: _, ...rest }: Plan): string => JSON.stringify(rest);
  if (rest(one) !== rest(other)) return 0;
  const length = Math.max(one.actions.length, other.actions.length);
  for (let at = 0; at < length; at++) {
    const [here, there] = [one.actions[at], other.actions[at]];
    if (JSON.stringify(here) !== JSON.stringify(there)) return Math.min(here?.at_us ?? Infinity, there?.at_us ?? Infinity);
  }
  return Infinity;
}
