// What a node waits for, once it has for a while: most reasons last for microseconds, and one that stays is what
// to look at.

import type { View } from 'kraft-host-wasm';

const STAYS_MS = 400;

export class Stays {
  /** Since when each reason is there. */
  private since = new Map<string, number>();
  private commit = 0;

  /** The reasons that stay, though nothing was committed meanwhile. */
  of({ waiting, commit }: View): string[] {
    const now = performance.now();
    if (commit !== this.commit) this.since.clear();
    this.commit = commit;
    this.since = new Map(waiting.map((reason) => [reason, this.since.get(reason) ?? now]));
    return waiting.filter((reason) => now - (this.since.get(reason) ?? now) >= STAYS_MS);
  }
}
