// What happened, newest first.

import type { Tone } from '../cluster/cluster';
import { make } from './dom';

const LINES_MAX = 60;

export class Feed {
  private readonly begun = performance.now();

  constructor(private readonly place: HTMLElement) {}

  say(text: string, tone: Tone): void {
    const seconds = ((performance.now() - this.begun) / 1000).toFixed(1);
    this.place.prepend(make('li', { 'data-tone': tone }, make('time', {}, `${seconds} s`), ' ', text));
    while (this.place.childElementCount > LINES_MAX) this.place.lastElementChild?.remove();
  }
}
