// Figures over the last minute: latencies by mode, how long disks take, and what is worth an alert.

import type { CommitMode } from 'kraft-host-wasm';

const WINDOW_MS = 60_000;

/** Above this a disk is slow: the core's own threshold. */
const FORCED_MS_MAX = 100;
const SAMPLES_MIN = 5;

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
  private disks: { at: number; ms: number }[] = [];

  acked(mode: CommitMode, ms: number): void {
    this.latencies.push({ at: performance.now(), mode, ms });
  }

  forced(samples: readonly number[]): void {
    const at = performance.now();
    this.disks.push(...samples.map((ms) => ({ at, ms })));
  }

  /** Notes what is at risk now, and forgets what is older than the window. */
  sample(entries: number, bytes: number): void {
    const at = performance.now();
    this.risks.push({ at, entries, bytes });
    const recent = (each: { at: number }): boolean => each.at > at - WINDOW_MS;
    this.latencies = this.latencies.filter(recent);
    this.risks = this.risks.filter(recent);
    this.disks = this.disks.filter(recent);
  }

  /** The slowest in a hundred strict commits. */
  get forcedP99(): number | undefined {
    if (this.disks.length < SAMPLES_MIN) return undefined;
    const sorted = Float64Array.from(this.disks, ({ ms }) => ms).sort();
    return sorted[Math.floor((sorted.length - 1) * 0.99)];
  }

  get alerts(): string[] {
    const p99 = this.forcedP99 ?? 0;
    return p99 > FORCED_MS_MAX ? [`slow disk: the 99th percentile of strict commits is ${Math.round(p99)} ms`] : [];
  }
}
