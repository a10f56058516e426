// Changes of the members, as a page asks for them and as the core takes them.

/** One change. A learner that is to vote is promoted; a voter that is to learn, demoted. */
export type MemberChange =
  | { readonly kind: 'VOTER' | 'LEARNER'; readonly node: number; /** Its store's number, if it may have no other. */ readonly store?: bigint }
  | { readonly kind: 'REMOVE'; readonly node: number };

const KINDS = ['VOTER', 'LEARNER', 'REMOVE'] as const;

/** @internal */
export function changeNumbers(changes: readonly MemberChange[]): { changes: Float64Array; stores: BigUint64Array } {
  return {
    changes: Float64Array.from(changes.flatMap(({ kind, node }) => [KINDS.indexOf(kind), node])),
    stores: BigUint64Array.from(changes, (change) => ('store' in change ? (change.store ?? 0n) : 0n)),
  };
}
