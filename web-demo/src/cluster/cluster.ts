// The cluster as its operator and its client have it: nodes, the network between them, and the ledger.

import type { Asked, CommitMode, FsyncMode } from 'kraft-host-wasm';

import { Ledger, type Write } from '../client/ledger';
import { evidence, PRESETS, type Class } from '../client/words';
import { readZones, zoneOf, ZONES_AT_FIRST, type Zone } from '../client/zones';
import { Health } from './health';
import { Member } from './member';
import { Network } from './network';
import { PACES, type Pace, type PaceName } from './pace';
import type { News } from './protocol';

const FATES_MS = 150;
const ALL_TIMEOUT_MS = 5000;

export interface Ask {
  readonly key: string;
  readonly mode?: CommitMode | undefined;
  readonly fsync?: FsyncMode | undefined;
  /** What becomes of ALL when its time is up. */
  readonly fallback?: Asked['fallback'];
}

export type Tone = 'PLAIN' | 'GOOD' | 'BAD';

export class Cluster {
  readonly members: readonly Member[];
  readonly network: Network;
  readonly ledger: Ledger;
  readonly health = new Health();
  zones: readonly Zone[] = readZones(ZONES_AT_FIRST);
  defaults: Class = PRESETS.balanced;

  constructor(
    readonly size: number,
    readonly paceName: PaceName,
    private readonly say: (text: string, tone: Tone) => void,
  ) {
    this.ledger = new Ledger(size);
    this.members = Array.from({ length: size }, (_, i) => new Member(i + 1, (member, news) => this.hear(member, news)));
    this.network = new Network((from, to, message) => this.find(to)?.order({ kind: 'message', from, message }));
    this.network.delayMs = this.pace.delay;
    setInterval(() => this.leader?.order({ kind: 'fates', of: this.ledger.open }), FATES_MS);
  }

  get name(): string {
    return `demo-${this.size}`;
  }

  get pace(): Pace {
    return PACES[this.paceName];
  }

  get voters(): number[] {
    return this.members.map(({ node }) => node);
  }

  find(node: number): Member | undefined {
    return this.members[node - 1];
  }

  /** Who leads, as far as running nodes say: the one of the newest term. */
  get leader(): Member | undefined {
    const leading = this.members.filter(({ life, report }) => life === 'RUNNING' && report?.view.role === 'LEADER');
    return leading.sort((one, other) => (other.report?.view.term ?? 0) - (one.report?.view.term ?? 0))[0];
  }

  /** What an operator should know of: of the disks, and of what the leader says is at risk or behind. */
  get alerts(): string[] {
    const { leader } = this;
    const said = leader?.report?.view.alerts.filter(({ kind }) => kind !== 'SLOW_FSYNC') ?? [];
    return [...this.health.alerts, ...said.map(({ text }) => `node ${leader?.node}: ${text}`)];
  }

  startAll(): void {
    for (const { node } of this.members) this.start(node);
  }

  start(node: number): void {
    const member = this.find(node);
    if (member?.isGone !== true) return;
    member.start(this.name, this.voters, this.pace);
    this.say(`node ${node} starts from its database`, 'PLAIN');
  }

  kill(node: number): void {
    const member = this.find(node);
    if (member?.isUp !== true) return;
    member.kill();
    this.ledger.unanswered(node);
    this.say(`node ${node} is killed: what it wrote stays with the system`, 'BAD');
  }

  cutPower(node: number): void {
    const member = this.find(node);
    if (member?.isUp !== true) return;
    member.cutPower();
    this.ledger.unanswered(node);
  }

  pause(node: number): void {
    this.find(node)?.pause();
    this.say(`node ${node} is paused`, 'PLAIN');
  }

  resume(node: number): void {
    this.find(node)?.resume();
    this.say(`node ${node} runs again`, 'PLAIN');
  }

  transfer(node: number): void {
    this.leader?.order({ kind: 'transfer', to: node });
    this.say(`leadership is to go to node ${node}`, 'PLAIN');
  }

  /** The leader is left with a minority; the others could elect one of their own. */
  split(): void {
    const first = this.leader?.node ?? 1;
    const few = Math.floor((this.size - 1) / 2);
    const side = Array.from({ length: few }, (_, i) => ((first - 1 + i) % this.size) + 1);
    this.network.split(side);
    this.say(`the network is split: ${side.map((node) => `node ${node}`).join(', ')} on one side`, 'BAD');
  }

  /** Links and disks are as they were, and nobody is paused. */
  heal(): void {
    this.network.heal();
    for (const member of this.members) {
      member.slowDisk(0);
      member.resume();
    }
    this.say('links and disks are healed', 'GOOD');
  }

  /** The class of a write: its own, else its key's zone's, else the default. */
  classOf({ key, mode, fsync }: Ask): Class {
    const zone = zoneOf(key, this.zones);
    return { mode: mode ?? zone?.mode ?? this.defaults.mode, fsync: fsync ?? zone?.fsync ?? this.defaults.fsync };
  }

  /** Asks the leader, if there is one, to write. */
  propose(ask: Ask): Write | undefined {
    const { leader } = this;
    if (leader === undefined) {
      this.say('no node leads: nobody to ask', 'BAD');
      return undefined;
    }
    const asked = this.classOf(ask);
    const write = this.ledger.ask(ask.key, ask.key.length, asked, leader.node);
    const timeout = asked.mode === 'ALL' ? { timeout: ALL_TIMEOUT_MS, fallback: ask.fallback ?? 'REFUSE' } : {};
    leader.order({ kind: 'propose', id: write.id, command: ask.key, asked: { ...asked, ...timeout } });
    return write;
  }

  private hear(member: Member, news: News): void {
    const { node } = member;
    switch (news.kind) {
      case 'send':
        if (member.life === 'RUNNING') this.network.carry(node, news.to, news.message);
        break;
      case 'report':
        this.reported(member, news);
        break;
      case 'answer': {
        const write = this.ledger.answered(news.id, news.answer);
        if (write?.latencyMs !== undefined) this.health.acked(write.asked.mode, write.latencyMs);
        if (write) this.say(`${write.key} → ${evidence(news.answer, this.size, write.asked.mode)}`, news.answer.held === undefined ? 'BAD' : 'GOOD');
        break;
      }
      case 'refused':
        this.ledger.refused(news.id, news.why);
        this.say(`refused: ${news.why}`, 'BAD');
        break;
      case 'fates':
        for (const { term, index, fate } of news.fates) {
          if (fate === 'LOST') this.say(`entry ${index} of term ${term} was acknowledged and is lost`, 'BAD');
          this.ledger.settled({ term, index }, fate);
        }
        break;
      case 'said':
        this.say(`node ${node}: ${news.text}`, 'BAD');
        break;
      case 'dark':
        if (member.report) member.report = { ...member.report, entries: news.entries };
        member.end('DARK');
        this.say(`node ${node} lost its power, and ${news.taken} ${news.taken === 1 ? 'entry' : 'entries'} that no strict transaction held (simulated)`, 'BAD');
        break;
      case 'ended':
        member.end('ENDED');
        this.ledger.unanswered(node);
        this.say(`node ${node} ended: ${news.reason}`, 'BAD');
        break;
    }
  }

  private reported(member: Member, { report }: Extract<News, { kind: 'report' }>): void {
    const { view } = report;
    const before = member.report?.view;
    if (member.life === 'STARTING') member.life = 'RUNNING';
    member.report = report;
    this.health.forced(report.forced);
    if (view.role === 'LEADER' && (before?.role !== 'LEADER' || before.term !== view.term)) {
      this.say(`node ${member.node} leads term ${view.term}`, 'GOOD');
    }
    if (view.trust === 'SUSPECT' && before?.trust !== 'SUSPECT') {
      this.say(`node ${member.node} is suspect: it may have forgotten copies somebody relied on`, 'BAD');
    }
  }
}
