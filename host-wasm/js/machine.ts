// What a cluster replicates: commands applied in the same order everywhere.

/** A state machine. It must not depend on anything but the commands it was given. */
export interface StateMachine {
  /** Applies a committed command. */
  apply(command: Uint8Array, index: number): void;
  /** The state as bytes, for a snapshot. */
  snapshot(): Uint8Array;
  /** Replaces the state by a snapshot's; from then on `apply` goes on behind it. */
  restore(state: Uint8Array): void;
}
