// A log record's entries, for the picture: term, kind and key of each.
//
//   record = term:u64  first:u64  count:u32  kind:u8  (length:u32  bytes)*count     little-endian
//
// host-wasm makes the records and says so in `src/bytes.rs`; nothing here decides anything.

export type EntryKind = 'COMMAND' | 'BARRIER' | 'CONFIGURATION';

export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** What a command says; empty for the core's own entries. */
  readonly text: string;
  readonly bytes: number;
}

const KINDS: readonly EntryKind[] = ['COMMAND', 'BARRIER', 'CONFIGURATION'];
const HEADER = 21;

/** The entries of a record; none of one that is cut short. */
export function entriesOf(record: Uint8Array): Entry[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.byteLength < HEADER) return [];
  const term = Number(view.getBigUint64(0, true));
  const first = Number(view.getBigUint64(8, true));
  const count = view.getUint32(16, true);
  const kind = KINDS[view.getUint8(20)] ?? 'COMMAND';
  const entries: Entry[] = [];
  let at = HEADER;
  for (let i = 0; i < count && at + 4 <= record.byteLength; i++) {
    const bytes = view.getUint32(at, true);
    const body = record.subarray(at + 4, at + 4 + bytes);
    const text = kind === 'COMMAND' ? new TextDecoder().decode(body) : '';
    entries.push({ index: first + i, term, kind, text, bytes });
    at += 4 + bytes;
  }
  return entries;
}
