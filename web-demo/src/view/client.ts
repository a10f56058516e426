// The client's view: its newest writes, each with its answer, what that rests on, and what became of it.

import type { Cluster } from '../cluster/cluster';
import type { Write } from '../client/ledger';
import { evidence, family, outlives } from '../client/words';
import { keepChildren, make, setAttribute, setText } from './dom';

const SHOWN = 12;

interface Row {
  readonly row: HTMLElement;
  readonly evidence: HTMLElement;
  readonly fate: HTMLElement;
}

export class ClientView {
  private rows = new Map<Write, Row>();

  constructor(
    private readonly cluster: Cluster,
    private readonly place: HTMLElement,
  ) {}

  refresh(): void {
    const newest = this.cluster.ledger.writes.slice(-SHOWN).reverse();
    this.rows = new Map(newest.map((write) => [write, this.rows.get(write) ?? this.row(write)]));
    for (const [write, { row, evidence, fate }] of this.rows) {
      setAttribute(row, 'data-answer', write.state);
      setAttribute(row, 'data-fate', write.fate);
      setText(evidence, this.said(write));
      setText(fate, this.fateWord(write));
    }
    setAttribute(this.place, 'data-room', this.rows.size < SHOWN ? 'SOME' : 'NONE');
    keepChildren(this.place, [...this.rows.values()].map(({ row }) => row));
  }

  private row({ id, key, asked }: Write): Row {
    const evidence = make('span', { class: 'evidence' });
    const fate = make('span', { class: 'fate' });
    const row = make(
      'li',
      { 'data-write': String(id), class: `mode-${family(asked.mode).toLowerCase()}` },
      make('span', { class: 'key' }, key),
      make('span', { class: 'class' }, `${asked.mode} · ${asked.fsync}`),
      evidence,
      fate,
    );
    return { row, evidence, fate };
  }

  private said({ asked, state, answer, latencyMs, voters, why }: Write): string {
    if (state === 'REFUSED') return `refused: ${why}`;
    if (state === 'NO_ANSWER') return 'no answer: the node is gone';
    if (answer === undefined) return 'waiting…';
    const ms = latencyMs === undefined ? '' : ` after ${latencyMs < 10 ? latencyMs.toFixed(1) : Math.round(latencyMs)} ms`;
    const more = outlives(answer, voters);
    return `${evidence(answer, voters, asked.mode)}${ms}${more === '' ? '' : `; ${more}`}`;
  }

  private fateWord(write: Write): string {
    const { state, answer, fate } = write;
    if (state === 'REFUSED') return 'not done';
    if (answer === undefined) return state === 'ASKED' ? '' : 'unknown';
    if (fate !== 'PENDING') return fate.toLowerCase();
    return this.cluster.ledger.isAtRisk(write) ? 'at risk' : 'committing';
  }
}
