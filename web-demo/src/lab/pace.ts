// How fast a world goes by when it is followed: fast while nothing happens, slow around faults, elections and losses.

import type { Told } from '../engine/protocol';
import type { Lesson } from './lesson';

/** Seconds of the world a second, where nothing is near. */
const CRUISE = 1.1;
/** After the verdict is in sight nothing more is to be seen but writes. */
const VERDICT_MORE_US = 350_000;
const VERDICT_US = 1_200_000;

interface Near {
  readonly atUs: number;
  readonly beforeUs: number;
  readonly afterUs: number;
  readonly speed: number;
}

export function followSpeed(lesson: Lesson, world: Told, atUs: number): number {
  let speed = CRUISE;
  for (const { atUs: near, beforeUs, afterUs, speed: slow } of slowPlaces(lesson, world)) {
    if (atUs >= near - beforeUs && atUs <= near + afterUs) speed = Math.min(speed, slow);
  }
  return speed;
}

function slowPlaces({ faults }: Lesson, { moments }: Told): Near[] {
  const first = faults[0]?.atUs ?? Infinity;
  const leader = moments.find(({ kind, atUs }) => kind === 'leader' && atUs > first);
  const loss = moments.find(({ kind }) => kind === 'loss');
  return [
    ...faults.map(({ atUs }): Near => ({ atUs, beforeUs: 110_000, afterUs: 25_000, speed: 0.07 })),
    ...faults.map(({ atUs, forUs }): Near => ({ atUs: atUs + forUs, beforeUs: 30_000, afterUs: 60_000, speed: 0.2 })),
    ...(leader === undefined ? [] : [{ atUs: leader.atUs, beforeUs: 110_000, afterUs: 30_000, speed: 0.16 }]),
    ...(loss === undefined ? [] : [{ atUs: loss.atUs, beforeUs: 60_000, afterUs: 60_000, speed: 0.16 }]),
  ];
}

/** Where a first telling ends: a moment after what was acknowledged is known to be kept or lost. */
export function stopsAt({ faults }: Lesson, { moments, violation }: Told): number {
  const first = faults[0]?.atUs ?? 0;
  const later = (kind: string): readonly number[] => moments.filter((moment) => moment.kind === kind && moment.atUs > first).map(({ atUs }) => atUs);
  const [loss = later('leader')[0] ?? Infinity, ...more] = later('loss');
  // Those that are known to be lost one soon after the other are one verdict.
  const verdict = more.reduce((last, next) => (next - last < VERDICT_US ? next : last), loss);
  return violation?.at_us ?? verdict + VERDICT_MORE_US;
}
