// The client's view: its newest writes, each with its answer, what that rests on, and what became of it.

import type { Cluster } from '../cluster/cluster';
import type { Write } from '../client/ledger';
import { evidence, family, outlives } from '../client/words';
import { make } from './dom';

const SHOWN = 12;

export class ClientView {
  private drawn = '';

  constructor(
    private readonly cluster: Cluster,
    private readonly place: HTMLElement,
  ) {}

  refresh(): void {
    const newest = this.cluster.ledger.writes.slice(-SHOWN).reverse();
    const drawn = newest.map(({ id, state, fate }) => `${id} ${state} ${fate}`).join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.place.replaceChildren(...newest.map((write) => this.row(write)));
  }

  private row(write: Write): HTMLElement {
    const { id, key, asked, state, fate } = write;
    return make(
      'li',
      { 'data-write': String(id), 'data-answer': state, 'data-fate': fate, class: `mode-${family(asked.mode).toLowerCase()}` },
      make('span', { class: 'key' }, key),
      make('span', { class: 'class' }, `${asked.mode} · ${asked.fsync}`),
      make('span', { class: 'evidence' }, this.said(write)),
      make('span', { class: 'fate' }, this.fateWord(write)),
    );
  }

  private said({ state, answer, latencyMs, why }: Write): string {
    const { size } = this.cluster;
    if (state === 'REFUSED') return `refused: ${why}`;
    if (state === 'NO_ANSWER') return 'no answer: the node is gone';
    if (answer === undefined) return 'waiting…';
    const ms = latencyMs === undefined ? '' : ` after ${latencyMs < 10 ? latencyMs.toFixed(1) : Math.round(latencyMs)} ms`;
    const more = outlives(answer, size);
    return `${evidence(answer, size)}${ms}${more === '' ? '' : `; ${more}`}`;
  }

  private fateWord(write: Write): string {
    const { state, answer, fate } = write;
    if (state === 'REFUSED') return 'not done';
    if (answer === undefined) return state === 'ASKED' ? '' : 'unknown';
    if (fate !== 'PENDING') return fate.toLowerCase();
    return this.cluster.ledger.isAtRisk(write) ? 'at risk' : 'committing';
  }
}
