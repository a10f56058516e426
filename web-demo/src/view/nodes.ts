// A card for each node: what it is, its log, and what a hand can do to it.

import type { Ledger } from '../client/ledger';
import type { Cluster, Seat } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { button, enable, make, setAttribute, setText } from './dom';
import { LogView } from './log';

const SLOW_LINK_MS = 600;
const SLOW_DISK_MS = 400;

const LIVES = { STARTING: 'starting', RUNNING: '', PAUSED: 'paused', KILLED: 'killed', DARK: 'no power', ENDED: 'ended' } as const;

/** What a hand makes of a node that has this seat. */
const SEATS = {
  VOTER: { label: 'Demote', says: '', then: 'LEARNER' },
  LEAVING: { label: 'Demote', says: 'leaving', then: 'LEARNER' },
  LEARNER: { label: 'Promote', says: 'learner', then: 'VOTER' },
  NONE: { label: 'Add', says: 'not a member', then: 'LEARNER' },
} as const satisfies Record<Seat, unknown>;

interface Card {
  readonly member: Member;
  readonly box: HTMLElement;
  readonly role: HTMLElement;
  readonly more: HTMLElement;
  readonly facts: HTMLElement;
  /** What it waits for, if it has for a while. */
  readonly waiting: HTMLElement;
  readonly log: LogView;
  readonly hands: Readonly<Record<Hand, HTMLButtonElement>>;
}

type Hand = 'kill' | 'power' | 'start' | 'pause' | 'isolate' | 'link' | 'disk' | 'lead' | 'seat' | 'remove';

export class Nodes {
  constructor(
    private readonly cluster: Cluster,
    private readonly ledger: Ledger,
    private readonly place: HTMLElement,
  ) {}

  /** A card for this node; returns what draws it again. */
  add(member: Member): () => void {
    const card = this.card(member);
    this.place.append(card.box);
    return () => this.refresh(card);
  }

  private card(member: Member): Card {
    const { cluster } = this;
    const { network } = cluster;
    const { node } = member;
    const hands: Card['hands'] = {
      kill: button('Kill', 'kill', () => cluster.kill(node)),
      power: button('Power cut', 'power', () => cluster.cutPower(node)),
      start: button('Restart', 'start', () => cluster.start(node)),
      pause: button('Pause', 'pause', () => (member.life === 'PAUSED' ? cluster.resume(node) : cluster.pause(node))),
      isolate: button('Isolate', 'isolate', () => (network.isIsolated(node) ? network.join(node) : network.isolate(node))),
      link: button('Slow link', 'link', () => network.slowDown(node, network.slownessOf(node) > 0 ? 0 : SLOW_LINK_MS)),
      disk: button('Slow disk', 'disk', () => member.slowDisk(member.slowDiskMs > 0 ? 0 : SLOW_DISK_MS)),
      lead: button('Lead', 'lead', () => cluster.transfer(node)),
      seat: button('Demote', 'seat', () => cluster.changeMember({ kind: SEATS[cluster.seatOf(node)].then, node })),
      remove: button('Remove', 'remove', () => cluster.changeMember({ kind: 'REMOVE', node })),
    };
    const role = make('span', { class: 'role' });
    const more = make('span', { class: 'facts' });
    const facts = make('p', { class: 'facts' });
    const waiting = make('p', { class: 'waiting', hidden: '' });
    const log = new LogView(this.ledger, member);
    const box = make(
      'article',
      { class: 'node', 'data-node': String(node) },
      make('h3', {}, `Node ${node} `, role, more),
      facts,
      log.place,
      waiting,
      make('div', { class: 'hands' }, hands.kill, hands.power, hands.start, hands.pause),
      make('details', { class: 'more' }, make('summary', {}, 'more'), make('div', { class: 'hands' }, hands.isolate, hands.link, hands.disk, hands.lead, hands.seat, hands.remove)),
    );
    return { member, box, role, more, facts, waiting, log, hands };
  }

  private refresh({ member, box, role, more, facts, waiting, log, hands }: Card): void {
    const { cluster } = this;
    const { network } = cluster;
    const { node, life, shown } = member;
    const seat = cluster.seatOf(node);
    const is = LIVES[life] || (SEATS[seat].says && seat !== 'LEAVING' ? SEATS[seat].says : (shown?.role.toLowerCase().replace('_', '-') ?? 'starting'));
    setText(role, is);
    setAttribute(box, 'data-role', is);
    setAttribute(box, 'data-life', life);
    setAttribute(box, 'data-seat', seat);
    const [isolated, slowLink, slowDisk] = [network.isIsolated(node), network.slownessOf(node) > 0, member.slowDiskMs > 0];
    const trust = shown?.trust === 'DIRTY' ? 'dirty' : shown?.trust === 'SUSPECT' ? 'suspect' : '';
    const words = [trust, seat === 'LEAVING' && SEATS.LEAVING.says, isolated && 'isolated', slowLink && 'slow link', slowDisk && 'slow disk'];
    setText(more, words.filter((word) => word !== '' && word !== false).map((word) => ` · ${word}`).join(''));
    const { last, synced, commit } = member.log.marks;
    setText(facts, shown ? `term ${shown.term} · last ${last} · synced ${synced} · commit ${commit}` : '…');
    const waits = life === 'RUNNING' ? (shown?.waiting ?? []) : [];
    setText(waiting, waits.join(' · '));
    if (waiting.hidden !== (waits.length === 0)) waiting.hidden = waits.length === 0;
    press(hands.isolate, isolated);
    press(hands.link, slowLink);
    press(hands.disk, slowDisk);
    press(hands.pause, life === 'PAUSED');
    enable(hands.kill, member.isUp);
    enable(hands.power, member.isUp);
    enable(hands.start, member.isGone);
    enable(hands.pause, life === 'RUNNING' || life === 'PAUSED');
    const { leader } = cluster;
    enable(hands.lead, life === 'RUNNING' && seat === 'VOTER' && leader !== undefined && leader !== member);
    setText(hands.seat, SEATS[seat].label);
    const alone = seat === 'VOTER' && cluster.seats.voters.length === 1;
    enable(hands.seat, leader !== undefined && !alone && seat !== 'LEAVING');
    enable(hands.remove, leader !== undefined && !alone && (seat === 'VOTER' || seat === 'LEARNER'));
    log.refresh();
  }
}

function press(hand: HTMLButtonElement, pressed: boolean): void {
  setAttribute(hand, 'aria-pressed', String(pressed));
}
