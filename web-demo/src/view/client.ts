// The client's view: its newest writes, each with its answer, what that rests on, and what became of it.

import type { Client } from '../client/client';
import { isAcknowledged, type Write } from '../client/ledger';
import { plain } from '../client/plain';
import { evidence, family, outlives } from '../client/words';
import { make, setAttribute, setText } from './dom';

const SHOWN = 12;

interface Row {
  readonly row: HTMLElement;
  readonly key: HTMLElement;
  readonly class: HTMLElement;
  readonly evidence: HTMLElement;
  readonly fate: HTMLElement;
}

export class ClientView {
  /** Rows stay where they are and change what they say: news moves no element. */
  private readonly rows: Row[] = [];

  constructor(
    private readonly client: Client,
    private readonly place: HTMLElement,
  ) {}

  refresh(): void {
    const newest = this.client.ledger.writes.slice(-SHOWN).reverse();
    newest.forEach((write, at) => this.show(this.rows[at] ?? this.add(), write));
    setAttribute(this.place, 'data-room', this.rows.length < SHOWN ? 'SOME' : 'NONE');
  }

  private show({ row, key, class: asked, evidence, fate }: Row, write: Write): void {
    setAttribute(row, 'data-write', String(write.id));
    setAttribute(row, 'data-answer', write.state);
    setAttribute(row, 'data-fate', write.fate);
    setAttribute(row, 'data-told', isAcknowledged(write) ? 'YES' : 'NO');
    setAttribute(row, 'class', `mode-${family(write.asked.mode).toLowerCase()}`);
    setText(key, plain(write.key));
    setText(asked, `${write.asked.mode} · ${write.asked.fsync}`);
    setText(evidence, this.said(write));
    setText(fate, this.fateWord(write));
  }

  private add(): Row {
    const [key, asked] = [make('span', { class: 'key' }), make('span', { class: 'class' })];
    const [evidence, fate] = [make('span', { class: 'evidence' }), make('span', { class: 'fate' })];
    const row = make('li', {}, key, asked, evidence, fate);
    this.rows.push({ row, key, class: asked, evidence, fate });
    this.place.append(row);
    return { row, key, class: asked, evidence, fate };
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
    if (fate === 'LOST' && !isAcknowledged(write)) return 'never acknowledged, and gone';
    if (fate !== 'PENDING') return fate.toLowerCase();
    return this.client.ledger.isAtRisk(write) ? 'at risk' : 'committing';
  }
}
