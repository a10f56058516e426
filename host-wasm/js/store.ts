// What a node asks of a store: changes in order, and the truth about how firmly each is held.
//
//   open ─► Found        commit(changes, 'written' | 'synced') ─► resolves when they are held so
//
// The rules, which `conformance/` holds any store to:
//
// 1. Changes take effect in the order of the calls and, within one call, all or none.
// 2. `commit` resolves when the changes are held as asked, not before: 'written' outlives the
//    process (a closed tab, a killed renderer), 'synced' the power.
// 3. 'synced' covers every change before it, too.
// 4. What `open` returns is synced, whatever it was before.
// 5. A commit that fails has not happened, or ends the store: nothing later takes effect behind it.

/** How firmly a change is held. */
export type Firmness = 'written' | 'synced';

/** A snapshot: the state after entry `last`, and what the core must know of it. */
export interface Snapshot {
  readonly last: number;
  readonly core: Uint8Array;
  readonly state: Uint8Array;
}

/** The position of an entry that was told as committed. */
export interface Committed {
  readonly term: number;
  readonly index: number;
}

/** A record of the log: opaque bytes, and the index of the first entry inside. */
export interface LogRecord {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/** One thing to change. */
export type Change =
  /** Replace the hard state. Only ever asked for as 'synced'. */
  | { readonly kind: 'hardState'; readonly bytes: Uint8Array }
  /** Put the record in place of what stands from its first entry on. */
  | { readonly kind: 'record'; readonly first: number; readonly bytes: Uint8Array }
  /** Replace the state and the whole log: another node's snapshot. */
  | { readonly kind: 'install'; readonly snapshot: Snapshot }
  /** Keep this as the last position told as committed: it may be lost, and must not be made up. */
  | { readonly kind: 'committed'; readonly position: Committed }
  /** Keep this snapshot of our own state; records that hold only entries through `last` may go. */
  | { readonly kind: 'compact'; readonly snapshot: Snapshot };

/** Who a store belongs to. */
export interface Identity {
  readonly cluster: string;
  readonly node: number;
}

/** What a store held when it was opened. */
export interface Found {
  /** Which store this is: drawn once, when it was made. */
  readonly store: bigint;
  /** Whether `open` has just made it. */
  readonly age: 'new' | 'old';
  readonly hardState: Uint8Array | undefined;
  readonly snapshot: Snapshot | undefined;
  /** One that it was given, the newer the better; or none. */
  readonly committed?: Committed | undefined;
  /** In order of their first entries. One takes the place of what stands from there on. */
  readonly records: readonly LogRecord[];
}

/** Where a node keeps what it must not forget. */
export interface Storage {
  /** Opens the store, or makes it. Once, before anything else. */
  open(identity: Identity): Promise<Found>;
  /** Makes these changes, all or none. The next call comes after this one has resolved. */
  commit(changes: readonly Change[], firmness: Firmness): Promise<void>;
  /** Called when the store ends by itself: removed by somebody, or replaced by a newer version. */
  onEnd(handler: (error: StorageError) => void): void;
  /** Lets go of it. */
  close(): void;
}

/** What a storage error means for the node. */
export type StorageErrorKind =
  /** The database belongs to another node or cluster. Nothing was changed. */
  | 'foreign'
  /** There was to be a store and there is none: a lost disk. Start the node with a new identity. */
  | 'lost'
  /** Another tab or Worker has it open. Nothing was changed. */
  | 'blocked'
  /** No more room. The change has not happened; the node must stop. */
  | 'full'
  /** There can be no store here: the page is not served securely, or the browser has none. */
  | 'unavailable'
  /** The store ended while it was in use: cleared, or replaced by a newer version. */
  | 'ended'
  /** Anything else that a disk does. */
  | 'failed';

/** A store that cannot do what it was asked. */
export class StorageError extends Error {
  override readonly name = 'StorageError';

  constructor(
    readonly kind: StorageErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A store's number: never 0, which would mean any store. */
export function drawStore(): bigint {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return ((BigInt(high ?? 0) << 32n) | BigInt(low ?? 0)) || 1n;
}
