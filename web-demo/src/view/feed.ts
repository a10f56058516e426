// What happened, newest first; the same thing again is counted rather than told again.

import type { Tone } from '../cluster/cluster';
import { keepChildren, make, setText } from './dom';

const LINES_MAX = 60;
/** News that comes sooner after other news waits for the feed's turn. */
const QUIET_MS = 250;

interface Line {
  readonly text: string;
  readonly tone: Tone;
  readonly at: string;
  times: number;
  drawn: { readonly line: HTMLElement; readonly times: HTMLElement } | undefined;
}

export class Feed {
  private readonly begun = performance.now();
  private lines: Line[] = [];
  private saidAt = -Infinity;
  private state: 'DRAWN' | 'NEWS' = 'DRAWN';

  constructor(private readonly place: HTMLElement) {}

  say(text: string, tone: Tone): void {
    const now = performance.now();
    this.note(text, tone, now);
    this.state = 'NEWS';
    if (now - this.saidAt > QUIET_MS) this.refresh();
    this.saidAt = now;
  }

  refresh(): void {
    if (this.state === 'DRAWN') return;
    this.state = 'DRAWN';
    keepChildren(this.place, this.lines.map((line) => this.drawn(line)));
  }

  private note(text: string, tone: Tone, now: number): void {
    const newest = this.lines[0];
    if (newest?.text === text && newest.tone === tone) {
      newest.times += 1;
      return;
    }
    const at = `${((now - this.begun) / 1000).toFixed(1)} s`;
    this.lines = [{ text, tone, at, times: 1, drawn: undefined }, ...this.lines.slice(0, LINES_MAX - 1)];
  }

  private drawn(line: Line): HTMLElement {
    if (line.drawn === undefined) {
      const times = make('span', { class: 'times' });
      line.drawn = { line: make('li', { 'data-tone': line.tone }, make('time', {}, line.at), ' ', line.text, times), times };
    }
    setText(line.drawn.times, line.times > 1 ? ` (${line.times} times)` : '');
    return line.drawn.line;
  }
}
