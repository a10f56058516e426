// What a person tapped, explained from the records: the life of a write, what a node waits for, what a message says.

import type { Write } from '../engine/ledger';
import type { Told } from '../engine/protocol';
import type { WorldMessage } from '../engine/records';
import { shapeWords } from '../stage/glyph';
import { button, make } from '../view/dom';
import { type Director, spanOf } from './director';
import { GLOSSARY } from './glossary';
import { nameOf, saidOf } from './lesson';
import { writesOf } from './scene';

interface Line {
  readonly atUs: number;
  readonly text: string;
  readonly tone?: string;
}

export class Explain {
  private drawn = '';

  constructor(private readonly place: HTMLElement, private readonly director: Director) {
    director.store.watch((_, changed) => {
      if (changed.has('chosen') || changed.has('worlds') || changed.has('lane') || changed.has('view')) this.refresh();
    });
  }

  private refresh(): void {
    const { chosen, view, lane } = this.director.store.state;
    const { world } = this.director.store;
    if (chosen === undefined || world === undefined) return this.show('none', []);
    switch (chosen.kind) {
      case 'write': {
        const write = writesOf(world, this.span).find(({ ask }) => ask === chosen.ask);
        return write === undefined ? this.show('none', []) : this.show(JSON.stringify([write, lane]), this.life(write, world));
      }
      case 'node': {
        const node = view?.nodes[chosen.node - 1];
        return node === undefined ? this.show('none', []) : this.show(JSON.stringify([chosen, node.role, node.term, node.trust, node.commit, node.written, node.synced, node.waiting]), this.node(chosen.node));
      }
      case 'message':
        return this.show(JSON.stringify(chosen), message(chosen.message));
      case 'word':
        return this.show(`word ${chosen.word}`, [make('h3', {}, chosen.word), make('p', {}, GLOSSARY[chosen.word] ?? '')]);
    }
  }

  private get span(): number {
    return spanOf(this.director.store.state.lesson);
  }

  private show(key: string, parts: readonly Node[]): void {
    if (key === this.drawn) return;
    this.drawn = key;
    const hint = make('p', { class: 'quiet' }, 'Tap a write, a node or a message, and its life is told here, a line an event.');
    const close = button('Close', 'close', () => this.director.store.set({ chosen: undefined }));
    this.place.replaceChildren(...(parts.length === 0 ? [hint] : [...parts, close]));
  }

  private life(write: Write, world: Told): Node[] {
    const { lesson, lane } = this.director.store.state;
    const asked = this.director.classesOf(lesson)[lane];
    const lines = linesOf(write, world);
    for (const fault of lesson.faults) if (fault.atUs > write.askedUs) lines.push({ atUs: fault.atUs, text: saidOf(fault, lesson.nodes), tone: 'FAULT' });
    lines.sort((one, other) => one.atUs - other.atUs);
    const fates = { lost: 'acknowledged, and lost', kept: 'acknowledged, and kept', none: 'acknowledged; what became of it is not certain: a promise is broken in this world' };
    const known = write.told ? fates[write.fate ?? 'none'] : 'never acknowledged: the client was promised nothing';
    return [
      make('h3', {}, `Write ${write.ask}${asked === undefined ? '' : ` · ${nameOf(asked)}`}`),
      make('p', { class: 'verdict', 'data-tone': write.told ? (write.fate ?? 'broken').toUpperCase() : 'NONE' }, known),
      make('ol', { class: 'life' }, ...lines.map((line) => this.line(line))),
    ];
  }

  private line({ atUs, text, tone }: Line): HTMLElement {
    const jump = button(`${(atUs / 1e6).toFixed(3)}`, 'jump', () => this.director.seek(atUs));
    jump.setAttribute('aria-label', `go to ${(atUs / 1e6).toFixed(3)} s`);
    return make('li', { 'data-tone': tone ?? '' }, jump, make('span', {}, text));
  }

  private node(node: number): Node[] {
    const view = this.director.store.state.view?.nodes[node - 1];
    if (view === undefined) return [];
    const { role, term, trust, commit, log, first, written, synced, waiting } = view;
    const last = first + log.length - 1;
    const term_ = (word: string): HTMLElement => this.word(word);
    return [
      make('h3', {}, `Node ${node}`),
      make('p', {}, role === 'down' ? 'It does not run. Its disk, as it would be found:' : `${role === 'leader' ? 'It leads' : role === 'follower' ? 'It follows' : 'It asks for votes'} in term ${term}.`),
      make('ul', { class: 'facts' },
        make('li', {}, `log through ${last}: `, term_('written'), ` through ${written}, `, term_('synced'), ` through ${synced}`),
        make('li', {}, term_('committed'), ` through ${commit}, as far as it knows`),
        make('li', {}, 'its disk calls it ', term_(trust)),
      ),
      ...(waiting.length > 0 ? [make('p', {}, 'It waits:'), make('ul', {}, ...waiting.map((reason) => make('li', {}, reason)))] : role === 'down' ? [] : [make('p', {}, 'It waits for nothing.')]),
    ];
  }

  private word(word: string): HTMLElement {
    return button(word, 'word', () => this.director.store.set({ chosen: { kind: 'word', word } }));
  }
}

function linesOf(write: Write, { inLog }: Told): Line[] {
  const lines: Line[] = [{ atUs: write.askedUs, text: 'the client asks' }];
  if (write.proposedUs !== undefined) lines.push({ atUs: write.proposedUs, text: `node ${write.node} accepts it: entry ${write.index} of term ${write.term}, in memory` });
  for (const { node, written, synced } of write.copies) {
    if (written !== undefined) lines.push({ atUs: written, text: `node ${node} has it written` });
    if (synced !== undefined) lines.push({ atUs: synced, text: `node ${node} has it synced` });
  }
  if (write.answeredUs !== undefined) {
    const ms = ((write.answeredUs - write.askedUs) / 1000).toFixed(1);
    const text = write.told ? `the client is told yes, after ${ms} ms: ${write.shape} (${shapeWords(write.shape)})` : `the client is told ${write.grade.replace('_', ' ')}, after ${ms} ms`;
    lines.push({ atUs: write.answeredUs, text, tone: write.told ? 'TOLD' : '' });
  }
  if (write.gaveUpUs !== undefined) lines.push({ atUs: write.gaveUpUs, text: 'nobody took it; the client asks no more' });
  if (write.fate === 'lost' && write.fateUs !== undefined) lines.push({ atUs: write.fateUs, text: `index ${write.index} is another’s: it is lost`, tone: 'LOST' });
  if (write.fate === 'kept' && write.fateUs !== undefined) lines.push({ atUs: write.fateUs, text: 'it is committed: no later leader is without it', tone: 'KEPT' });
  if (write.fate === undefined && !write.told && write.index > 0) {
    const there = inLog.includes(`${write.term} ${write.index}`);
    lines.push({ atUs: Infinity, text: there ? 'in the end it is in the log, though nobody was told' : 'in the end it is nowhere, and nobody was promised it' });
  }
  return lines.map((line) => (line.atUs === Infinity ? { ...line, atUs: write.answeredUs ?? write.askedUs } : line));
}

function message({ kind, from, to, term, first, last, mode, word, sent_us, arrives_us }: WorldMessage): Node[] {
  const entries = first === last ? `entry ${first}` : `entries ${first} to ${last}`;
  const says: Readonly<Record<string, string>> = {
    append: `“Here is ${entries}.” Its strongest class asks for ${mode}.`,
    matched: `“I have written through ${first}, and synced through ${last}.”`,
    heartbeat: `“I lead. Committed through ${last}.”`,
    heartbeat_reply: `“I hear you. Written through ${first}, synced through ${last}.”`,
    pre_vote: `“Would you vote for me? My log ends at ${last}.”`,
    pre_vote_reply: `“${word === 'refused' ? 'No.' : word === 'granted_by_suspect' ? 'Yes, but I may have forgotten something.' : 'Yes.'}”`,
    vote: `“Vote for me. My log ends at ${last}.”`,
    vote_reply: `“${word === 'refused' ? 'No.' : word === 'granted_by_suspect' ? 'You have my vote, but I may have forgotten something.' : 'You have my vote.'}”`,
    rejected: `“That does not follow on what I have. Try from ${last}.”`,
  };
  return [
    make('h3', {}, `Message from node ${from} to node ${to}`),
    make('p', {}, says[kind] ?? kind.replaceAll('_', ' ')),
    make('p', { class: 'quiet' }, `term ${term} · sent ${(sent_us / 1e6).toFixed(3)} s, arrives ${(arrives_us / 1e6).toFixed(3)} s`),
  ];
}
