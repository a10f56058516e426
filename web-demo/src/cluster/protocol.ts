// What the page and a node's Worker say to each other.

import type { Answer, Asked, FateName, Message, View } from 'kraft-host-wasm';

import type { Entry } from '../worker/record';
import type { Pace } from './pace';

export interface Position {
  readonly term: number;
  readonly index: number;
}

/** To the Worker. */
export type Order =
  | { readonly kind: 'start'; readonly cluster: string; readonly node: number; readonly voters: readonly number[]; readonly pace: Pace }
  | { readonly kind: 'message'; readonly from: number; readonly message: Message }
  | { readonly kind: 'propose'; readonly id: number; readonly command: string; readonly asked: Asked }
  | { readonly kind: 'fates'; readonly of: readonly Position[] }
  | { readonly kind: 'transfer'; readonly to: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'disk'; readonly slowMs: number }
  | { readonly kind: 'cut' };

/** A node's state for the picture. */
export interface Report {
  readonly view: View;
  readonly entries: readonly Entry[];
  /** Milliseconds of each strict commit since the last report. */
  readonly forced: readonly number[];
}

/** From the Worker. */
export type News =
  | { readonly kind: 'send'; readonly to: number; readonly message: Message }
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'refused'; readonly id: number; readonly why: string }
  | { readonly kind: 'fates'; readonly fates: readonly (Position & { readonly fate: FateName })[] }
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'dark'; readonly taken: number; readonly entries: readonly Entry[] }
  | { readonly kind: 'ended'; readonly reason: string };
