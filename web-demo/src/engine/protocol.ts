// What the page and the Worker that plays its worlds say to each other.

import type { Ledger } from './ledger';
import type { Violation, WorldView } from './records';

/** To the Worker. */
export type Ask =
  /** Play this run to its end, as this lane. `QUICK` while a hand drags: no hash is worked out. */
  | { readonly kind: 'tell'; readonly id: number; readonly lane: number; readonly run: string; readonly how: 'QUICK' | 'WHOLE' }
  /** How the lane's world looked at a moment. */
  | { readonly kind: 'show'; readonly id: number; readonly lane: number; readonly atUs: number }
  /** When the next event of the lane's world is, behind a moment. */
  | { readonly kind: 'next'; readonly id: number; readonly lane: number; readonly atUs: number }
  | { readonly kind: 'setup'; readonly id: number; readonly nodes: number; readonly seed: number }
  | { readonly kind: 'draw'; readonly id: number; readonly seed: number };

/** A run played to its end. */
export interface Told extends Ledger {
  readonly endUs: number;
  readonly violation: Violation | null;
  /** The hash of its last state; empty where it was told in a hurry. */
  readonly hash: string;
  /** Positions that are in the log in the end, as `term index`. */
  readonly inLog: readonly string[];
  readonly playedMs: number;
  readonly memoryBytes: number;
}

/** From the Worker. */
export type Answer =
  | { readonly kind: 'told'; readonly id: number; readonly told: Told }
  | { readonly kind: 'shown'; readonly id: number; readonly view: WorldView }
  | { readonly kind: 'next'; readonly id: number; readonly atUs: number }
  | { readonly kind: 'run'; readonly id: number; readonly run: string }
  | { readonly kind: 'failed'; readonly id: number; readonly why: string };
