// What a message under way looks like: its kind as a person tells them apart, and its colour.

import type { About, CommitMode, MessageKindName } from 'kraft-host-wasm';

export interface Look {
  readonly kind: 'VOTE' | 'APPEND' | 'REPLY' | 'HEARTBEAT' | 'READ' | 'SNAPSHOT';
  /** The strongest mode among an append's entries, where it brings any. */
  readonly mode: CommitMode | undefined;
}

const KINDS: Readonly<Record<MessageKindName, Look['kind']>> = {
  PRE_VOTE: 'VOTE',
  PRE_VOTE_REPLY: 'VOTE',
  VOTE: 'VOTE',
  VOTE_REPLY: 'VOTE',
  TIMEOUT_NOW: 'VOTE',
  TRANSFER_VOTE: 'VOTE',
  APPEND: 'APPEND',
  MATCHED: 'REPLY',
  REJECTED: 'REPLY',
  HEARTBEAT: 'HEARTBEAT',
  HEARTBEAT_REPLY: 'HEARTBEAT',
  READ_INDEX: 'READ',
  READ_INDEX_REPLY: 'READ',
  SNAPSHOT: 'SNAPSHOT',
  LEFT_OUT: 'VOTE',
};

export function lookOf({ kind, mode }: About): Look {
  return { kind: KINDS[kind], mode };
}
