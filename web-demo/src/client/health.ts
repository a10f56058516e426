// Figures over the last minute: latencies by mode, and what was at risk.

import type { CommitMode } from 'kraft-host-wasm';

const WINDOW_MS = 60_000;

export interface Latency {
  readonly at: number;
  readonly mode: CommitMode;
  readonly ms: number;
}

export interface Risk {
  readonly at: number;
  readonly entries: number;
  readonly bytes: number;
}

export class Health {
  latencies: Latency[] = [];
  risks: Risk[] = [];

  acked(mode: CommitMode, ms: number): void {
    this.latencies.push({ at: performance.now(), mode, ms });
  }

  /** Notes what is at risk now, and forgets what is older than the window. */
  sample(entries: number, bytes: number): void {
    const at = performance.now();
    this.risks.push({ at, entries, bytes });
    const recent = (each: { at: number }): boolean => each.at > at - WINDOW_MS;
    this.latencies = this.latencies.filter(recent);
    this.risks = this.risks.filter(recent);
  }
}
