// The strip chart of the last minute: entries and bytes at risk, and the latency of each answer by mode.

import type { Cluster } from '../cluster/cluster';
import { family } from '../client/words';
import { draw, setText } from './dom';

const WIDTH = 600;
const HALF = 70;
const WINDOW_MS = 60_000;
const SAMPLE_MS = 250;

export class Chart {
  private readonly risk = draw('path', { class: 'risk' });
  private readonly dots = draw('g');
  private readonly drawn = new WeakMap<object, SVGCircleElement>();

  constructor(
    private readonly cluster: Cluster,
    svg: SVGSVGElement,
    private readonly figures: HTMLElement,
    private readonly alerts: HTMLElement,
  ) {
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HALF * 2 + 10}`);
    const axis = draw('line', { class: 'axis', x1: '0', x2: String(WIDTH), y1: String(HALF), y2: String(HALF) });
    const floor = draw('line', { class: 'axis', x1: '0', x2: String(WIDTH), y1: String(HALF * 2 + 8), y2: String(HALF * 2 + 8) });
    svg.replaceChildren(axis, floor, this.risk, this.dots, label('entries at risk', 14), label('latency of answers, 0.1 ms to 10 s', HALF + 20));
    setInterval(() => this.refresh(), SAMPLE_MS);
  }

  private refresh(): void {
    const { health, ledger } = this.cluster;
    const risky = ledger.atRisk;
    const bytes = risky.reduce((sum, write) => sum + write.bytes, 0);
    health.sample(risky.length, bytes);
    const now = performance.now();
    const x = (at: number): number => WIDTH - ((now - at) / WINDOW_MS) * WIDTH;
    const most = Math.max(4, ...health.risks.map(({ entries }) => entries));
    const points = health.risks.map(({ at, entries }) => `${x(at).toFixed(1)},${(HALF - (entries / most) * (HALF - 6)).toFixed(1)}`);
    const first = health.risks[0];
    this.risk.setAttribute('d', first === undefined ? '' : `M${x(first.at).toFixed(1)},${HALF} L${points.join(' L')} L${WIDTH},${HALF} Z`);
    this.dots.replaceChildren(
      ...health.latencies.map((latency) => {
        const dot = this.drawn.get(latency) ?? draw('circle', { r: '3', class: `latency mode-${family(latency.mode).toLowerCase()}` });
        this.drawn.set(latency, dot);
        dot.setAttribute('cx', x(latency.at).toFixed(1));
        dot.setAttribute('cy', (HALF * 2 + 8 - height(latency.ms)).toFixed(1));
        return dot;
      }),
    );
    const p99 = health.forcedP99;
    setText(this.figures, `${risky.length} entries, ${bytes} bytes at risk now (at most ${most} on the scale) · strict commits, 99th percentile: ${p99 === undefined ? '–' : `${p99.toFixed(1)} ms`}`);
    setText(this.alerts, health.alerts.join(' · '));
    this.alerts.hidden = health.alerts.length === 0;
  }
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
