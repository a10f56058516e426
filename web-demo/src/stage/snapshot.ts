// What the stage draws, whoever it is about: a simulated world at a moment, or the cluster that runs in this page.

export type Depth = 'none' | 'accepted' | 'written' | 'synced';

export type Life = 'up' | 'killed' | 'dark' | 'ended' | 'paused' | 'starting';

/** What the client knows of a write: the one bit that nothing may get wrong is in `TOLD`, `KEPT` and `LOST`. */
export type Standing = 'WAITING' | 'REFUSED' | 'TOLD' | 'KEPT' | 'LOST';

/** An entry of a node's log. */
export interface Chip {
  readonly term: number;
  readonly index: number;
  readonly kind: 'command' | 'own';
  /** What is written on it. */
  readonly label: string;
  readonly depth: Depth;
  /** Of a client's write; nothing where no client of this page asked for it. */
  readonly standing: Standing | undefined;
  readonly mode: string;
  /** How a person chooses it. */
  readonly pick: string;
}

export interface Case {
  readonly node: number;
  readonly life: Life;
  readonly leads: boolean;
  /** What it does, in words. */
  readonly says: string;
  readonly suspect: boolean;
  readonly term: number;
  readonly commit: number;
  readonly chips: readonly Chip[];
  /** Entries on its disk that are not among the chips. */
  readonly more: number;
}

export interface Flight {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly kind: 'append' | 'reply' | 'vote' | 'beat' | 'snapshot';
  readonly mode: string;
  /** How far it has come, from 0 to 1. */
  readonly part: number;
  readonly lost: boolean;
  readonly pick: string;
}

/** A write as the client has it. */
export interface Asked {
  readonly key: string;
  readonly label: string;
  readonly standing: Standing;
  readonly mode: string;
  /** What each node had when it was answered: `·▁▄█`. */
  readonly shape: string;
  /** How far the ask is on its way to a node, or the answer on its way back; nothing where neither is. */
  readonly going: { readonly node: number; readonly way: 'ASK' | 'ANSWER'; readonly part: number } | undefined;
  readonly pick: string;
}

export interface Snapshot {
  readonly cases: readonly Case[];
  readonly flights: readonly Flight[];
  readonly cut: readonly (readonly [number, number])[];
  readonly asked: readonly Asked[];
  /** What is said in place of the client's writes, where there are none. */
  readonly empty: string;
}

export const SIGNS: Readonly<Record<Standing, string>> = { WAITING: '…', REFUSED: '–', TOLD: '✓', KEPT: '✓', LOST: '✕' };

export const STANDINGS: Readonly<Record<Standing, string>> = {
  WAITING: 'not answered',
  REFUSED: 'never acknowledged',
  TOLD: 'acknowledged',
  KEPT: 'acknowledged and kept',
  LOST: 'acknowledged and lost',
};
