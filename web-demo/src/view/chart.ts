// The strip chart of the last minute: entries and bytes at risk, and the latency of each answer by mode.

import type { Cluster } from '../cluster/cluster';
import type { Latency } from '../cluster/health';
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
    private readonly cluster: Cluster,
    svg: SVGSVGElement,
    private readonly figures: HTMLElement,
    private readonly alerts: HTMLElement,
  ) {
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HALF * 2 + 10}`);
    const axis = draw('line', { class: 'axis', x1: '0', x2: String(WIDTH), y1: String(HALF), y2: String(HALF) });
    const floor = draw('line', { class: 'axis', x1: '0', x2: String(WIDTH), y1: String(HALF * 2 + 8), y2: String(HALF * 2 + 8) });
    svg.replaceChildren(axis, floor, this.risk, this.bytes, this.dots, label('at risk: entries, filled; bytes, the line', 14), label('latency of answers, 0.1 ms to 10 s', HALF + 20));
    setInterval(() => this.sample(), SAMPLE_MS);
  }

  private sample(): void {
    const { health, ledger } = this.cluster;
    health.sample(ledger.atRisk.length, bytesOf(ledger.atRisk));
  }

  refresh(): void {
    const { health, ledger } = this.cluster;
    const risky = ledger.atRisk;
    const now = performance.now();
    const x = (at: number): number => WIDTH - ((now - at) / WINDOW_MS) * WIDTH;
    const most = Math.max(4, ...health.risks.map(({ entries }) => entries));
    const points = health.risks.map(({ at, entries }) => `${x(at).toFixed(1)},${(HALF - (entries / most) * (HALF - 6)).toFixed(1)}`);
    const first = health.risks[0];
    this.risk.setAttribute('d', first === undefined ? '' : `M${x(first.at).toFixed(1)},${HALF} L${points.join(' L')} L${WIDTH},${HALF} Z`);
    const mostBytes = Math.max(64, ...health.risks.map(({ bytes }) => bytes));
    const line = health.risks.map(({ at, bytes }) => `${x(at).toFixed(1)},${(HALF - (bytes / mostBytes) * (HALF - 6)).toFixed(1)}`);
    this.bytes.setAttribute('d', line.length === 0 ? '' : `M${line.join(' L')}`);
    this.refreshDots(now);
    const p99 = health.forcedP99;
    setText(this.figures, `${risky.length} ${risky.length === 1 ? 'entry' : 'entries'}, ${bytesOf(risky)} bytes at risk now (the scale ends at ${most} and ${mostBytes}) · strict commits, 99th percentile: ${p99 === undefined ? '–' : `${p99.toFixed(1)} ms`}`);
    const { alerts } = this.cluster;
    setText(this.alerts, alerts.join(' · '));
    this.alerts.hidden = alerts.length === 0;
  }

  private refreshDots(now: number): void {
    const since = this.strips.at(-1)?.at ?? 0;
    const fresh = this.cluster.health.latencies.filter(({ at }) => at > since);
    const paths = MODES.flatMap((mode) => {
      const dots = new Set(fresh.filter((latency) => family(latency.mode) === mode).map((latency) => this.dot(latency)));
      return dots.size === 0 ? [] : [draw('path', { class: `latency mode-${mode.toLowerCase()}`, d: [...dots].join('') })];
    });
    this.dots.append(...paths);
    this.strips.push({ at: now, paths });
    while ((this.strips[0]?.at ?? now) < now - WINDOW_MS) this.strips.shift()?.paths.forEach((path) => path.remove());
    this.dots.setAttribute('transform', `translate(${(WIDTH - ((now - this.begun) / WINDOW_MS) * WIDTH).toFixed(1)} 0)`);
  }

  /** A line of no length with round ends, where the page began at 0. */
  private dot({ at, ms }: Latency): string {
    const near = (px: number): number => Math.round(px / DOT_PX) * DOT_PX;
    return `M${near(((at - this.begun) / WINDOW_MS) * WIDTH)},${near(HALF * 2 + 8 - height(ms))}h0`;
  }
}

function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, { bytes }) => sum + bytes, 0);
}

function label(text: string, y: number): SVGTextElement {
  const made = draw('text', { x: '0', y: String(y) });
  made.textContent = text;
  return made;
}

/** Milliseconds from 0.1 to 10,000, as a logarithm. */
function height(ms: number): number {
  const part = (Math.log10(Math.min(10_000, Math.max(0.1, ms))) + 1) / 5;
  return part * (HALF - 4);
}
