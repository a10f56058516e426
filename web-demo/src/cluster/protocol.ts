// What the page and a node's Worker say to each other.

import type { About, Answer, Asked, EntryKind, FateName, MemberChange, Message, PresetName, View } from 'kraft-host-wasm';

import type { Pace } from './pace';

export interface Position {
  readonly term: number;
  readonly index: number;
}

/** An entry of a node's log, for the picture. */
export interface Entry extends Position {
  readonly kind: EntryKind;
  /** What a command says; empty for the core's own entries. */
  readonly text: string;
}

/** How far a node's log has come. */
export type Marks = Pick<View, 'last' | 'written' | 'synced' | 'commit' | 'applied'>;

/** What else is shown of a node. It changes seldom, and a message costs the page by what is in it. */
export type Shown = Pick<View, 'role' | 'term' | 'trust' | 'members' | 'alerts' | 'fsyncP99' | 'waiting'>;

/** What of a log the page does not have yet: everything from the first of these on is as they say. */
export interface LogNews {
  readonly marks: Marks;
  readonly fresh: readonly Entry[];
}

export interface Start {
  readonly cluster: string;
  readonly node: number;
  /** Who votes when the cluster begins. */
  readonly founders: readonly number[];
  readonly pace: Pace;
  readonly preset: PresetName;
  /** The number of the store it must find, if it ran before. */
  readonly expect: string | undefined;
}

/** To the Worker. */
export type Order =
  | ({ readonly kind: 'start' } & Start)
  | { readonly kind: 'message'; readonly from: number; readonly message: Message }
  | { readonly kind: 'propose'; readonly id: number; readonly command: string; readonly asked: Asked }
  | { readonly kind: 'fates'; readonly of: readonly Position[] }
  | { readonly kind: 'transfer'; readonly to: number }
  | { readonly kind: 'members'; readonly change: MemberChange }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'disk'; readonly slowMs: number }
  | { readonly kind: 'cut' };

/** From the Worker: what is news of a node, and first the name of its life, by which the page is told when it dies. */
export type Post = News | { readonly kind: 'life'; readonly life: string } | { readonly kind: 'store'; readonly store: string };

export type News =
  | { readonly kind: 'send'; readonly to: number; readonly message: Message; readonly about: About }
  | { readonly kind: 'shown'; readonly shown: Shown }
  | ({ readonly kind: 'log' } & LogNews)
  | ClientNews
  | { readonly kind: 'said'; readonly text: string; readonly tone: 'GOOD' | 'BAD' }
  /** The power is gone: how many entries with it, and the newest that are left. */
  | { readonly kind: 'dark'; readonly taken: number; readonly left: readonly Position[] }
  | { readonly kind: 'ended'; readonly reason: string };

/** What of it is for the client. */
export type ClientNews =
  /** With how many voted when it was answered, if the node still ran. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer; readonly voters: number | undefined }
  | { readonly kind: 'refused'; readonly id: number; readonly why: string }
  | { readonly kind: 'fates'; readonly fates: readonly (Position & { readonly fate: FateName })[] };
