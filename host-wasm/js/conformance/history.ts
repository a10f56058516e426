// What may be found after a crash: the state after some commit, no earlier than what was reported.

import { Contents, firstNeeded } from '../contents.js';
import type { Committed, Firmness, Found, LogRecord } from '../store.js';
import type { Crash, PowerCuts } from './adapter.js';
import type { Survivors } from '../memory.js';
import type { Rule } from './rules.js';
import type { Step } from './script.js';

/** Every state that there was, and how much of it was promised. */
export class History {
  private states: Contents[] = [new Contents()];
  private written = 0;
  private synced = 0;
  /** Every position that was to be kept as committed, ever. */
  private readonly committed = new Set<string>();
  /** How firmly the commit is to be held that was handed over and not reported yet. */
  private underWay: Firmness | undefined;

  /** A commit was handed over. */
  begins(step: Step): void {
    const next = this.now.clone();
    for (const change of step.changes) {
      next.apply(change);
      if (change.kind === 'committed') this.committed.add(spelt(change.position));
    }
    this.states.push(next);
    this.underWay = step.firmness;
  }

  /** The last one was reported. */
  reported({ firmness }: Step): void {
    this.written = this.states.length - 1;
    if (firmness === 'synced') this.synced = this.written;
    this.underWay = undefined;
  }

  /** What was opened counts as synced; what was handed over behind it never happened. */
  opened(place: number): void {
    this.states = this.states.slice(0, place + 1);
    this.written = place;
    this.synced = place;
    this.underWay = undefined;
  }

  /** The place of the state that was found, or the rule that is broken by finding it. */
  judge(found: Found, crash: Crash | 'NONE', powerCuts: PowerCuts): number | { rule: Rule; what: string } {
    const { committed } = found;
    if (committed !== undefined && !this.committed.has(spelt(committed))) {
      return { rule: 'MADE_UP', what: `found ${spelt(committed)} as committed, which it was never given` };
    }
    const least = crash !== 'NONE' && crash.kind === 'POWER' ? this.synced : this.written;
    if (crash !== 'NONE' && crash.kind === 'POWER' && powerCuts === 'EXACT') {
      const wrong = this.notExact(found, crash.survivors);
      if (wrong !== undefined) return wrong;
    }
    // From the newest on: two states may look alike.
    for (let place = this.states.length - 1; place >= least; place--) {
      if (isSame(this.at(place), found)) return place;
    }
    for (let place = least - 1; place >= 0; place--) {
      if (!isSame(this.at(place), found)) continue;
      const what = `found the state after commit ${place}, and ${least} was reported`;
      if (!isSameBytes(this.at(place).hardState, this.at(least).hardState)) return { rule: 'FORGOTTEN_VOTE', what };
      if (crash === 'NONE') return { rule: 'LOST_RECOVERED', what };
      return { rule: crash.kind === 'POWER' ? 'EARLY_COMPLETION' : 'LOST_WRITTEN', what };
    }
    const votes = this.states.slice(least).map(({ hardState }) => hardState);
    if (!votes.some((vote) => isSameBytes(vote, found.hardState))) {
      return { rule: 'FORGOTTEN_VOTE', what: `the hard state is older than that of commit ${least}` };
    }
    const last = this.states.length - 1;
    return { rule: 'ORDER', what: `found ${show(found)}, which is the state after none of the commits ${least} to ${last}: ${show(this.now)}` };
  }

  /** What is wrong where a power cut was to leave so many commits and left others; not where it lost what was synced. */
  private notExact(found: Found, survivors: Survivors): { rule: Rule; what: string } | undefined {
    const last = this.states.length - 1;
    const left = survivors === 'none' ? 0 : survivors === 'all' ? last : survivors;
    // A commit that is to be synced may have been, unreported: it makes everything before it certain.
    const most = this.underWay === 'synced' ? last : Math.min(last, this.synced + left);
    const least = Math.min(this.written, this.synced + left);
    const places = this.states.flatMap((state, place) => (place >= this.synced && isSame(state, found) ? [place] : []));
    if (places.length === 0 || places.some((place) => least <= place && place <= most)) return undefined;
    const what = `found the state after commit ${places.at(-1)}, where ${survivors} behind commit ${this.synced} were to be left`;
    return { rule: 'SURVIVORS', what };
  }

  get now(): Contents {
    return this.at(this.states.length - 1);
  }

  private at(place: number): Contents {
    return this.states[place] ?? new Contents();
  }
}

/** Records that a snapshot stands for may still be there. */
function needed(records: readonly LogRecord[], last: number | undefined): readonly LogRecord[] {
  return last === undefined ? records : records.slice(firstNeeded(records, last));
}

/** What was committed may be found or not: it is kept for what it is worth. */
function isSame(expected: Contents, found: Found): boolean {
  const { hardState, snapshot } = expected;
  if (!isSameBytes(hardState, found.hardState)) return false;
  if (snapshot?.last !== found.snapshot?.last) return false;
  if (!isSameBytes(snapshot?.core, found.snapshot?.core)) return false;
  if (!isSameBytes(snapshot?.state, found.snapshot?.state)) return false;
  const ours = needed(expected.records, snapshot?.last);
  const theirs = needed(found.records, snapshot?.last);
  const same = (one: LogRecord, place: number): boolean =>
    one.first === theirs[place]?.first && isSameBytes(one.bytes, theirs[place].bytes);
  return ours.length === theirs.length && ours.every(same);
}

function spelt({ term, index }: Committed): string {
  return `entry ${index} of term ${term}`;
}

function isSameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

function show({ snapshot, records }: Pick<Found, 'snapshot' | 'records'>): string {
  const firsts = records.map(({ first }) => first).join(' ');
  return `records at ${firsts || 'no index'}${snapshot ? ` behind a snapshot of ${snapshot.last}` : ''}`;
}
