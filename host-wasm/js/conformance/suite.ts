// Holds a store to the rules: scripts, cut short by a crash at every point, opened again, and again.

import { EFFORT, WORK } from '../checks/api.js';
import { hold } from '../checks/rules.js';
import { type Found, type Identity, type Storage, StorageError } from '../store.js';
import type { Adapter, Crash } from './adapter.js';
import { Chance } from './chance.js';
import { History } from './history.js';
import { type Rule, Violation } from './rules.js';
import { drawnScript, fixedScripts, type Script } from './script.js';

/** How much to do. */
export interface Effort {
  /** Scripts of chance, from these seeds. */
  readonly seeds: readonly [from: number, to: number];
  /**
   * How far into a commit it may be interrupted, in turns of the event loop's microtasks; at 0 it
   * has just been called.
   */
  readonly turns: number;
  /** After so many milliseconds something is never answered. Default: 20 s. */
  readonly patienceMs?: number;
}

/** How much was done. */
export interface Exercised {
  scripts: number;
  commits: number;
  crashes: { process: number; power: number };
  openings: number;
  powerCuts: Adapter['powerCuts'];
}

const OURS: Identity = { cluster: 'conformance', node: 1 };
const ANOTHERS: Identity = { cluster: 'conformance', node: 2 };

const PATIENCE_MS = 20_000;

/** Plays everything. What was exercised, or the first rule that is broken, thrown. */
export async function check(make: () => Adapter | Promise<Adapter>, effort: Effort): Promise<Exercised> {
  hold(make, 'make', WORK, 'nothing was checked');
  hold(effort, 'effort', EFFORT, 'nothing was checked');
  const { powerCuts } = await make();
  const exercised: Exercised = { scripts: 0, commits: 0, crashes: { process: 0, power: 0 }, openings: 0, powerCuts };
  const crashes: Crash[] = [{ kind: 'PROCESS' }];
  if (powerCuts !== 'NOT_SIMULATED') {
    const survivors = ['none', 1, 'all'] as const;
    crashes.push(...survivors.map((left): Crash => ({ kind: 'POWER', survivors: left })));
  }
  for (const script of fixedScripts()) {
    for (let step = 0; step <= script.steps.length; step++) {
      for (let turns = 0; turns <= effort.turns; turns++) {
        for (const crash of crashes) {
          const replay = `"${script.name}", ${shown(crash)} ${turns} turns into commit ${step + 1}`;
          const trial = new Trial(await make(), exercised, replay, effort.patienceMs);
          await trial.play(script, step, turns, crash);
        }
      }
    }
    exercised.scripts += 1;
  }
  for (let seed = effort.seeds[0]; seed < effort.seeds[1]; seed++) {
    const chance = new Chance(seed);
    const trial = new Trial(await make(), exercised, `seed ${seed}`, effort.patienceMs);
    for (let life = 0; life < 3; life++) {
      const script = drawnScript(seed * 4 + life);
      await trial.play(script, chance.below(script.steps.length + 1), chance.below(effort.turns + 1), chance.of(crashes));
    }
    exercised.scripts += 1;
  }
  await identity(await make(), exercised);
  return exercised;
}

function shown(crash: Crash): string {
  return crash.kind === 'PROCESS' ? 'the process dies' : `the power goes, of the unsynced ${crash.survivors} stay`;
}

/** One disk, and what may be on it. */
class Trial {
  private readonly history = new History();
  private store: bigint | undefined;

  constructor(
    private readonly adapter: Adapter,
    private readonly exercised: Exercised,
    private readonly replay: string,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  /** Opens, plays so many commits, crashes within the next, and opens again. */
  async play(script: Script, upto: number, turns: number, crash: Crash): Promise<void> {
    const storage = await this.open('NONE');
    for (const step of script.steps.slice(0, upto)) {
      this.history.begins(step);
      await this.answered(storage.commit(step.changes, step.firmness));
      this.history.reported(step);
    }
    const next = script.steps[upto];
    if (next !== undefined) {
      this.history.begins(next);
      let reports = (): void => this.history.reported(next);
      storage.commit(next.changes, next.firmness).then(
        () => reports(),
        () => undefined,
      );
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      // Crashed now: what is reported later is reported to nobody.
      const crashed = this.crash(crash);
      reports = () => undefined;
      await crashed;
    } else {
      await this.crash(crash);
    }
    await this.open(crash);
    // And what was found then is synced.
    const second: Crash = this.exercised.powerCuts !== 'NOT_SIMULATED' ? { kind: 'POWER', survivors: 'none' } : { kind: 'PROCESS' };
    await this.crash(second);
    await this.open('NONE');
    await this.crash({ kind: 'PROCESS' });
  }

  private async open(crash: Crash | 'NONE'): Promise<Storage> {
    const storage = this.adapter.attach();
    let found: Found;
    try {
      found = await this.within(storage.open(OURS), 'opening');
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw this.broken('REOPEN', String(error));
    }
    this.exercised.openings += 1;
    this.store ??= found.store;
    if (found.store !== this.store || found.store === 0n) {
      throw this.broken('IDENTITY', `store ${this.store} calls itself ${found.store}`);
    }
    const judged = this.history.judge(found, crash, this.exercised.powerCuts);
    if (typeof judged !== 'number') throw this.broken(judged.rule, judged.what);
    this.history.opened(judged);
    return storage;
  }

  private async answered(commit: Promise<void>): Promise<void> {
    await this.within(commit, 'a commit');
    this.exercised.commits += 1;
  }

  private crash(crash: Crash): Promise<void> {
    this.exercised.crashes[crash.kind === 'POWER' ? 'power' : 'process'] += 1;
    return this.adapter.crash(crash);
  }

  private within<T>(work: Promise<T>, what: string): Promise<T> {
    return within(work, this.patienceMs, () => this.broken('UNANSWERED', `${what} was not answered`));
  }

  private broken(rule: Rule, what: string): Violation {
    return new Violation(rule, what, this.replay);
  }
}

function within<T>(work: Promise<T>, patienceMs: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), patienceMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A store opens for its own node only. */
async function identity(adapter: Adapter, exercised: Exercised): Promise<void> {
  await adapter.attach().open(OURS);
  await adapter.crash({ kind: 'PROCESS' });
  const refused = await adapter
    .attach()
    .open(ANOTHERS)
    .then(
      () => 'nothing',
      (error: unknown) => (error instanceof StorageError ? error.kind : String(error)),
    );
  exercised.openings += 2;
  if (refused !== 'foreign') {
    throw new Violation('IDENTITY', `opened for another node, it says ${refused}, not that it is foreign`, 'always');
  }
  await adapter.crash({ kind: 'PROCESS' });
}
