// What the simulator tells of a world (`tests/src/sim/chronicle.rs`, `web-demo/world/src/view.rs`), as it comes.

/** One thing that happened. What says nothing about it is 0, empty or null. */
export interface Happening {
  readonly at_us: number;
  readonly what:
    | 'asked' | 'gave_up' | 'proposed' | 'answered' | 'judged' | 'started' | 'ended' | 'readmitted' | 'role' | 'held';
  readonly node: number;
  readonly term: number;
  readonly first: number;
  readonly last: number;
  readonly ask: number;
  readonly word: string;
  readonly shape: string;
  readonly cell: readonly [string, string] | null;
}

export interface WorldView {
  readonly now_us: number;
  readonly nodes: readonly WorldNode[];
  readonly messages: readonly WorldMessage[];
  readonly lost: readonly WorldMessage[];
  readonly cut: readonly (readonly [number, number])[];
  readonly violation: Violation | null;
}

export interface WorldNode {
  readonly up: boolean;
  readonly role: 'down' | 'leader' | 'follower' | 'candidate' | 'pre_candidate';
  readonly term: number;
  readonly trust: 'clean' | 'dirty' | 'suspect';
  readonly commit: number;
  readonly waiting: readonly string[];
  readonly drift_ppm: number;
  readonly first: number;
  readonly log: readonly (readonly [number, 'command' | 'no_op' | 'configuration', number])[];
  readonly written: number;
  readonly synced: number;
}

export interface WorldMessage {
  readonly number: number;
  readonly sent_us: number;
  readonly arrives_us: number;
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  readonly term: number;
  readonly first: number;
  readonly last: number;
  readonly mode: string;
  readonly word: string;
}

export interface Violation {
  readonly at_us: number;
  readonly oracle: string;
  readonly what: string;
}

/** A record as it comes: its fields in this order, without their names. */
export type Row = readonly [number, Happening['what'], number, number, number, number, number, string, string, readonly [string, string] | null];

export function happening([at_us, what, node, term, first, last, ask, word, shape, cell]: Row): Happening {
  return { at_us, what, node, term, first, last, ask, word, shape, cell };
}
