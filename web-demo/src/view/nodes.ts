// A card for each node: what it is, its log, and what a hand can do to it.

import type { Cluster } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { button, keepChildren, make, setAttribute, setText } from './dom';
import { type Cell, cellsOf, GLYPHS } from './entries';

const SLOW_LINK_MS = 600;
const SLOW_DISK_MS = 400;
const CELL_PX = 25;
const CELLS_MIN = 6;

const LIVES = { STARTING: 'starting', RUNNING: '', PAUSED: 'paused', KILLED: 'killed', DARK: 'no power', ENDED: 'ended' } as const;

interface Card {
  readonly member: Member;
  readonly box: HTMLElement;
  readonly role: HTMLElement;
  readonly facts: HTMLElement;
  readonly log: HTMLElement;
  readonly hands: Readonly<Record<string, HTMLButtonElement>>;
  cells: ReadonlyMap<string, DrawnCell>;
  /** How many cells are as wide as the log. */
  room: number;
}

interface DrawnCell {
  readonly box: HTMLElement;
  readonly glyph: HTMLElement;
}

export class Nodes {
  private readonly cards: Card[];

  constructor(
    private readonly cluster: Cluster,
    place: HTMLElement,
  ) {
    this.cards = cluster.members.map((member) => this.card(member));
    place.replaceChildren(...this.cards.map(({ box }) => box));
  }

  /** What draws each card again. */
  get turns(): (() => void)[] {
    return this.cards.map((card) => () => this.refreshCard(card));
  }

  private card(member: Member): Card {
    const { cluster } = this;
    const { node } = member;
    const hands = {
      kill: button('Kill', 'kill', () => cluster.kill(node)),
      power: button('Power cut', 'power', () => cluster.cutPower(node)),
      start: button('Restart', 'start', () => cluster.start(node)),
      pause: button('Pause', 'pause', () => (member.life === 'PAUSED' ? cluster.resume(node) : cluster.pause(node))),
      isolate: button('Isolate', 'isolate', () => toggle(cluster.network.isIsolated(node), () => cluster.network.join(node), () => cluster.network.isolate(node))),
      link: button('Slow link', 'link', () => cluster.network.slowDown(node, cluster.network.slownessOf(node) > 0 ? 0 : SLOW_LINK_MS)),
      disk: button('Slow disk', 'disk', () => member.slowDisk(member.slowDiskMs > 0 ? 0 : SLOW_DISK_MS)),
      lead: button('Lead', 'lead', () => cluster.transfer(node)),
    };
    const role = make('span', { class: 'role' });
    const facts = make('p', { class: 'facts' });
    const log = make('ol', { class: 'log', 'aria-label': `log of node ${node}` });
    const box = make(
      'article',
      { class: 'node', 'data-node': String(node) },
      make('h3', {}, `Node ${node} `, role),
      facts,
      log,
      make('div', { class: 'hands' }, ...Object.values(hands)),
    );
    const card: Card = { member, box, role, facts, log, hands, cells: new Map(), room: CELLS_MIN };
    // To ask for its width while drawing would have the page laid out at once.
    new ResizeObserver(([entry]) => {
      card.room = Math.max(CELLS_MIN, Math.floor((entry?.contentRect.width ?? 0) / CELL_PX));
    }).observe(log);
    return card;
  }

  private refreshCard(card: Card): void {
    const { member, hands } = card;
    const { network } = this.cluster;
    const view = member.report?.view;
    const role = LIVES[member.life] || (view?.role.toLowerCase().replace('_', '-') ?? 'starting');
    setText(card.role, role);
    setAttribute(card.box, 'data-role', role);
    setAttribute(card.box, 'data-life', member.life);
    const cut = network.isIsolated(member.node);
    const more = [view?.trust === 'DIRTY' ? 'dirty' : view?.trust === 'SUSPECT' ? 'suspect' : '', cut ? 'isolated' : '',
      network.slownessOf(member.node) > 0 ? 'slow link' : '', member.slowDiskMs > 0 ? 'slow disk' : ''].filter((word) => word !== '');
    setText(card.facts, view ? [`term ${view.term}`, `last ${view.last}`, `synced ${view.synced}`, `commit ${view.commit}`, ...more].join(' · ') : '…');
    press(hands['isolate'], cut);
    press(hands['link'], network.slownessOf(member.node) > 0);
    press(hands['disk'], member.slowDiskMs > 0);
    press(hands['pause'], member.life === 'PAUSED');
    enable(hands['kill'], member.isUp);
    enable(hands['power'], member.isUp);
    enable(hands['start'], member.isGone);
    enable(hands['pause'], member.life === 'RUNNING' || member.life === 'PAUSED');
    const leader = this.cluster.leader;
    enable(hands['lead'], member.life === 'RUNNING' && leader !== undefined && leader !== member);
    this.refreshLog(card);
  }

  private refreshLog(card: Card): void {
    const { report } = card.member;
    if (report === undefined) return;
    const cells = cellsOf(report, this.cluster.ledger, card.room);
    card.cells = new Map(cells.map((cell) => {
      const key = `${cell.term} ${cell.index}`;
      const drawn = card.cells.get(key) ?? drawCell(cell);
      showState(drawn, cell);
      return [key, drawn];
    }));
    keepChildren(card.log, [...card.cells.values()].map(({ box }) => box));
  }
}

function drawCell({ index, term }: Cell): DrawnCell {
  const glyph = make('span', { class: 'glyph', role: 'img' });
  const box = make('li', { 'data-index': String(index), 'data-term': String(term) }, glyph, make('span', { class: 'number' }, String(index)));
  return { box, glyph };
}

function showState({ box, glyph }: DrawnCell, { state, title }: Cell): void {
  setAttribute(box, 'title', title);
  setAttribute(box, 'data-state', state);
  setAttribute(glyph, 'aria-label', GLYPHS[state].says);
  setText(glyph, GLYPHS[state].glyph);
}

function toggle(now: boolean, off: () => void, on: () => void): void {
  if (now) off();
  else on();
}

function press(hand: HTMLButtonElement | undefined, pressed: boolean): void {
  if (hand) setAttribute(hand, 'aria-pressed', String(pressed));
}

function enable(hand: HTMLButtonElement | undefined, enabled: boolean): void {
  if (hand && hand.disabled === enabled) hand.disabled = !enabled;
}
