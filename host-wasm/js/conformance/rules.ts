// The rules by name, and what breaking one says.

/** What a store owes. */
export type Rule =
  /** Changes take effect in order, and those of one commit together. */
  | 'ORDER'
  /** A hard state that was reported is never followed by an older one. */
  | 'FORGOTTEN_VOTE'
  /** What was reported as written outlives the process. */
  | 'LOST_WRITTEN'
  /** What was reported as synced outlives the power. */
  | 'EARLY_COMPLETION'
  /** A power cut that says it is exact leaves as much of what was not synced as it was told. */
  | 'SURVIVORS'
  /** What opening returned is there the next time. */
  | 'LOST_RECOVERED'
  /** What it returns as committed is a position that it was given, whole: neither clamped to its log nor put together. */
  | 'MADE_UP'
  /** Every commit is answered. */
  | 'UNANSWERED'
  /** A store opens after every crash. */
  | 'REOPEN'
  /** It keeps its number, and refuses to be another node's. */
  | 'IDENTITY';

export const RULES: readonly Rule[] = [
  'ORDER',
  'FORGOTTEN_VOTE',
  'LOST_WRITTEN',
  'EARLY_COMPLETION',
  'SURVIVORS',
  'LOST_RECOVERED',
  'MADE_UP',
  'UNANSWERED',
  'REOPEN',
  'IDENTITY',
];

/** A rule that was broken, and how to see it again. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly rule: Rule,
    what: string,
    readonly replay: string,
  ) {
    super(`${rule}: ${what} (${replay})`);
  }
}
