// One world on the tape: its class, its writes as ticks, who led, and what its answers were worth.

import type { Told } from '../engine/protocol';
import { draw, make, setAttribute, setText } from '../view/dom';
import { scoreOf, spanOf } from './director';
import { type Class, type Lesson, nameOf } from './lesson';
import { writesOf } from './scene';

const REIGNS_PX = 11;

export class LaneView {
  readonly place: HTMLElement;
  private readonly title = make('span', { class: 'lane-name' });
  private readonly latency = make('span', { class: 'lane-ms' });
  private readonly label: HTMLButtonElement;
  private readonly result = make('span', { class: 'lane-result' });
  private readonly svg = draw('svg', { class: 'lane-track', role: 'img' });
  private readonly paths = new Map<string, SVGElement>();
  private readonly reigns = draw('g');
  private size = { width: 0, height: 0 };
  private last: Parameters<LaneView['draw']> | undefined;

  constructor(select: () => void) {
    this.label = make('button', { type: 'button', class: 'lane-label' }, this.title, this.latency);
    this.label.addEventListener('click', select);
    this.place = make('div', { class: 'lane' }, this.label, this.svg, this.result);
    for (const kind of ['down', 'before', 'silent', 'told', 'kept', 'lost', 'broken']) {
      const path = draw('path', { class: `tick tick-${kind}` });
      this.paths.set(kind, path);
      this.svg.append(path);
    }
    this.svg.append(this.reigns);
    new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      this.size = { width, height };
      if (this.last !== undefined) this.draw(...this.last);
    }).observe(this.svg);
  }

  draw(lesson: Lesson, asked: Class | undefined, world: Told | undefined, selected: boolean, before: Told | undefined): void {
    this.last = [lesson, asked, world, selected, before];
    const name = asked === undefined ? lesson.name : nameOf(asked);
    setText(this.title, name);
    setAttribute(this.label, 'aria-pressed', String(selected));
    setAttribute(this.place, 'class', `lane mode-${(asked?.mode ?? 'sync').replace(/_\d$/, '').toLowerCase()}${selected ? ' selected' : ''}`);
    if (world === undefined) return;
    const score = scoreOf(world, spanOf(lesson));
    const ms = score.medianMs === undefined ? '' : score.medianMs < 1 ? '< 1 ms' : `${Math.round(score.medianMs)} ms`;
    setText(this.latency, ms);
    const verdict = world.violation !== null ? 'BROKEN' : score.lost > 0 ? 'LOST' : 'KEPT';
    setAttribute(this.result, 'data-verdict', verdict);
    setText(this.result, verdict === 'BROKEN' ? '✖ promise broken' : score.lost > 0 ? `✕ ${score.lost} of ${score.told} lost` : `✓ all ${score.told} kept`);
    setAttribute(this.svg, 'aria-label', `${name}: of ${score.told} acknowledged writes ${score.lost} are lost, ${score.silent} were never acknowledged`);
    this.drawTicks(lesson, world, before);
  }

  private drawTicks(lesson: Lesson, world: Told, before: Told | undefined): void {
    const { width, height } = this.size;
    if (width < 10) return;
    const spanUs = spanOf(lesson);
    const x = (atUs: number): string => ((atUs / spanUs) * width).toFixed(1);
    const [top, bottom] = [5, height - REIGNS_PX - 3];
    const ticks = { told: '', kept: '', lost: '', silent: '', before: '', down: '', broken: '' };
    for (const { askedUs, told, fate } of writesOf(world, spanUs)) {
      const at = x(askedUs);
      // Three shapes, not three colours alone: a line, a cross on a line, a dot.
      if (!told) ticks.silent += `M${at},${(top + bottom) / 2 - 2}v4`;
      else if (fate === 'lost') ticks.lost += `M${at},${bottom}V${top + 7}m-3.5,-7l7,7m0,-7l-7,7`;
      else ticks[fate === 'kept' ? 'kept' : 'told'] += `M${at},${top + 5}V${bottom}`;
    }
    for (const { askedUs, told, fate } of before === undefined ? [] : writesOf(before, spanUs)) {
      if (told && fate === 'lost') ticks.before += `M${x(askedUs)},${top}V${bottom}`;
    }
    const nodes = new Map<string, number>();
    for (const { fromUs, untilUs } of world.absences) {
      const key = `${fromUs} ${untilUs}`;
      nodes.set(key, (nodes.get(key) ?? 0) + 1);
    }
    for (const [key] of nodes) {
      const [from = 0, until = Number.NaN] = key.split(' ').map(Number);
      ticks.down += `M${x(from)},0H${x(Math.min(spanUs, Number.isNaN(until) ? spanUs : until))}V${height}H${x(from)}Z`;
    }
    if (world.violation !== null) ticks.broken += `M${x(Math.min(spanUs, world.violation.at_us))},0V${height}`;
    for (const [kind, path] of this.paths) setAttribute(path, 'd', ticks[kind as keyof typeof ticks]);
    this.drawReigns(world, spanUs, width, height);
  }

  /** A band for each leader's time; where there is none nobody leads. */
  private drawReigns({ reigns }: Told, spanUs: number, width: number, height: number): void {
    const shapes = reigns.filter(({ fromUs }) => fromUs < spanUs).flatMap(({ fromUs, untilUs, term, node }, at) => {
      const [from, until] = [(fromUs / spanUs) * width, (Math.min(spanUs, untilUs ?? spanUs) / spanUs) * width];
      const band = draw('rect', { class: `reign ${at % 2 === 0 ? 'even' : 'odd'}`, x: from.toFixed(1), y: String(height - REIGNS_PX), width: Math.max(1, until - from).toFixed(1), height: String(REIGNS_PX - 1) });
      if (until - from < 80) return [band];
      const label = draw('text', { class: 'reign-label', x: (from + 4).toFixed(1), y: String(height - 3) });
      label.textContent = `term ${term}, node ${node} leads`;
      return [band, label];
    });
    this.reigns.replaceChildren(...shapes);
  }
}
