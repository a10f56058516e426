// A card for each node: what it is, its log, and what a hand can do to it.

import type { Cluster } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { button, make, setText } from './dom';
import { cellsOf, GLYPHS } from './entries';

const SLOW_LINK_MS = 600;
const SLOW_DISK_MS = 400;
const CELL_PX = 25;

const LIVES = { STARTING: 'starting', RUNNING: '', PAUSED: 'paused', KILLED: 'killed', DARK: 'no power', ENDED: 'ended' } as const;

interface Card {
  readonly member: Member;
  readonly box: HTMLElement;
  readonly role: HTMLElement;
  readonly facts: HTMLElement;
  readonly log: HTMLElement;
  readonly hands: Readonly<Record<string, HTMLButtonElement>>;
  drawn: string;
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

  refresh(): void {
    for (const card of this.cards) this.refreshCard(card);
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
    return { member, box, role, facts, log, hands, drawn: '' };
  }

  private refreshCard(card: Card): void {
    const { member, hands } = card;
    const { network } = this.cluster;
    const view = member.report?.view;
    const role = LIVES[member.life] || (view?.role.toLowerCase().replace('_', '-') ?? 'starting');
    setText(card.role, role);
    card.box.dataset['role'] = role;
    card.box.dataset['life'] = member.life;
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
    const count = Math.max(6, Math.floor(card.log.clientWidth / CELL_PX));
    const cells = cellsOf(report, this.cluster.ledger, count);
    const drawn = cells.map(({ index, term, state }) => `${index} ${term} ${state}`).join();
    if (drawn === card.drawn) return;
    card.drawn = drawn;
    card.log.replaceChildren(
      ...cells.map(({ index, term, state, title }) =>
        make(
          'li',
          { 'data-state': state, 'data-index': String(index), 'data-term': String(term), title },
          make('span', { class: 'glyph', role: 'img', 'aria-label': GLYPHS[state].says }, GLYPHS[state].glyph),
          make('span', { class: 'number' }, String(index)),
        ),
      ),
    );
  }
}

function toggle(now: boolean, off: () => void, on: () => void): void {
  if (now) off();
  else on();
}

function press(hand: HTMLButtonElement | undefined, pressed: boolean): void {
  hand?.setAttribute('aria-pressed', String(pressed));
}

function enable(hand: HTMLButtonElement | undefined, enabled: boolean): void {
  if (hand && hand.disabled === enabled) hand.disabled = !enabled;
}
