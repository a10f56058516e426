// How fast the cluster's world goes: slow enough to be watched, or near to how a cluster runs in earnest.

/** Milliseconds. */
export interface Pace {
  readonly electionMin: number;
  readonly electionMax: number;
  readonly heartbeat: number;
  /** How long what was only written waits to be forced: time enough to cut the power. */
  readonly lazyForce: number;
  /** What a message takes, until a hand changes it. */
  readonly delay: number;
}

export const PACES = {
  watch: { electionMin: 1000, electionMax: 2000, heartbeat: 250, lazyForce: 3000, delay: 80 },
  quick: { electionMin: 700, electionMax: 1400, heartbeat: 150, lazyForce: 3000, delay: 15 },
} as const satisfies Record<string, Pace>;

export type PaceName = keyof typeof PACES;

export function isPace(word: string | null): word is PaceName {
  return word !== null && word in PACES;
}
