// What a message is about, read from its first bytes as WIRE.md has them: for the picture only.

/** The messages a person tells apart. */
export type MessageKind = 'VOTE' | 'APPEND' | 'REPLY' | 'HEARTBEAT' | 'SNAPSHOT' | 'OTHER';

/** The commit modes a message can be tagged with. */
export type Tag = 'ASYNC' | 'LEADER_ONLY' | 'AT_LEAST' | 'SYNC' | 'ALL';

export interface Glance {
  readonly kind: MessageKind;
  /** The strongest mode among an append's entries, where it brings any. */
  readonly tag: Tag | undefined;
}

const TAGS: readonly Tag[] = ['ASYNC', 'LEADER_ONLY', 'AT_LEAST', 'SYNC', 'ALL'];
const APPEND = 4;
const KINDS: Readonly<Record<number, MessageKind>> = {
  0: 'VOTE', 1: 'VOTE', 2: 'VOTE', 3: 'VOTE', 4: 'APPEND', 5: 'REPLY', 6: 'REPLY', 7: 'HEARTBEAT', 8: 'HEARTBEAT',
  9: 'VOTE', 10: 'VOTE', 13: 'SNAPSHOT',
};

export function glance(frame: Uint8Array): Glance {
  let at = 1;
  // Numbers are seven bits a byte; those that matter here are small.
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < frame.length; scale *= 128) {
      const byte = frame[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  const skip = (count: number): void => {
    for (let i = 0; i < count; i++) number();
  };
  skip(5); // from, to, store, incarnation, term
  const message = number();
  const kind = KINDS[message] ?? 'OTHER';
  if (message !== APPEND) return { kind, tag: undefined };
  skip(4); // prev: term and index, kind, run_term
  const count = number();
  skip(4); // commit, force_upto, written_upto, relied_upto
  return { kind, tag: count > 0 ? TAGS[number()] : undefined };
}
