// The strip chart of the last minute: entries and bytes at risk, and the latency of each answer by mode.
//
// Its drawing is stretched to the width there is; its words are beside it, in the size of any other.

import type { Client } from '../client/client';
import type { Latency } from '../client/health';
import type { Write } from '../client/ledger';
import { family, MODES } from '../client/words';
import { draw, setText } from './dom';

const WIDTH = 600;
const HALF = 70;
const WINDOW_MS = 60_000;
export const SAMPLE_MS = 250;
/** Dots nearer to each other than this are one. */
const DOT_PX = 2;

export class Chart {
  private readonly risk = draw('path', { class: 'risk' });
  private readonly bytes = draw('path', { class: 'risk-bytes' });
  private readonly dots = draw('g');
  /** The dots of each sample, drawn once: what moves is all of them together. */
  private strips: { readonly at: number; readonly paths: readonly SVGElement[] }[] = [];
  private readonly begun = performance.now();

  constructor(
    private readonly client: Client,
    svg: SVGSVGElement,
    private readonly figures: HTMLElement,
    private readonly alerts: HTMLElement,
  ) {
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HALF * 2 + 10}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.replaceChildren(axis(HALF), axis(HALF * 2 + 8), this.risk, this.bytes, this.dots);
    setInterval(() => this.sample(), SAMPLE_MS);
  }

  private sample(): void {
    const { health, ledger } = this.client;
    const risky = ledger.atRisk;
    health.sample(risky.length, bytesOf(risky));
  }

  refresh(): void {
    const { cluster: { alerts, fsyncP99 }, health: { risks } } = this.client;
    const now = performance.now();
    const mostEntries = Math.max(4, ...risks.map(({ entries }) => entries));
    const mostBytes = Math.max(64, ...risks.map(({ bytes }) => bytes));
    const line = (part: (risk: (typeof risks)[number]) => number): string =>
      risks.map((risk) => `${xOf(risk.at, now)},${(HALF - part(risk) * (HALF - 6)).toFixed(1)}`).join(' L');
    const first = risks[0];
    this.risk.setAttribute('d', first === undefined ? '' : `M${xOf(first.at, now)},${HALF} L${line(({ entries }) => entries / mostEntries)} L${WIDTH},${HALF} Z`);
    this.bytes.setAttribute('d', first === undefined ? '' : `M${line(({ bytes }) => bytes / mostBytes)}`);
    this.refreshDots(now);
    const { entries, bytes } = risks.at(-1) ?? { entries: 0, bytes: 0 };
    const forced = fsyncP99 === 0 ? '–' : `${fsyncP99.toFixed(1)} ms`;
    setText(this.figures, `${entries} ${entries === 1 ? 'entry' : 'entries'}, ${bytes} bytes at risk now (the scale ends at ${mostEntries} and ${mostBytes}) · strict commits, 99th percentile: ${forced}`);
    setText(this.alerts, alerts.join(' · '));
    this.alerts.hidden = alerts.length === 0;
  }

  private refreshDots(now: number): void {
    const since = this.strips.at(-1)?.at ?? 0;
    const fresh = this.client.health.latencies.filter(({ at }) => at > since);
    const paths = MODES.flatMap((mode) => {
      const dots = new Set(fresh.filter((latency) => family(latency.mode) === mode).map((latency) => this.dot(latency)));
      return dots.size === 0 ? [] : [draw('path', { class: `latency mode-${mode.toLowerCase()}`, d: [...dots].join('') })];
    });
    this.dots.append(...paths);
    this.strips.push({ at: now, paths });
    while ((this.strips[0]?.at ?? now) < now - WINDOW_MS) this.strips.shift()?.paths.forEach((path) => path.remove());
    this.dots.setAttribute('transform', `translate(${xOf(this.begun, now)} 0)`);
  }

  /** A line of no length with round ends, where the page began at 0. */
  private dot({ at, ms }: Latency): string {
    const near = (px: number): number => Math.round(px / DOT_PX) * DOT_PX;
    return `M${near(((at - this.begun) / WINDOW_MS) * WIDTH)},${near(HALF * 2 + 8 - height(ms))}h0`;
  }
}

function axis(y: number): SVGElement {
  return draw('line', { class: 'axis', x1: '0', x2: String(WIDTH), y1: String(y), y2: String(y) });
}

function xOf(at: number, now: number): string {
  return (WIDTH - ((now - at) / WINDOW_MS) * WIDTH).toFixed(1);
}

function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Milliseconds from 0.1 to 10,000, as a logarithm. */
function height(ms: number): number {
  const part = (Math.log10(Math.min(10_000, Math.max(0.1, ms))) + 1) / 5;
  return part * (HALF - 4);
}
