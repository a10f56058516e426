// The cluster as its operator has it: nodes, who of them is a member, and the network between them.

import type { MemberChange, Members, PresetName } from 'kraft-host-wasm';

import { Member } from './member';
import { Network } from './network';
import { PACES, type Pace, type PaceName } from './pace';
import { Stores } from './stores';
import type { ClientNews, News, Shown } from './protocol';

/** More would be hard to tell apart. */
export const NODES_MAX = 7;

/** `LOST` is an acknowledged write that its class let go; `BAD` what somebody should look at. */
export type Tone = 'PLAIN' | 'GOOD' | 'LOST' | 'BAD';
/** As the store says that it is not the one that was expected. */
const LOST_DISK = /is not the one this node had/;

export type Seat = 'VOTER' | 'LEAVING' | 'LEARNER' | 'NONE';

/** Whom it tells. */
export interface Listener {
  say(text: string, tone: Tone): void;
  /** There is a node that was not there before. */
  joined(member: Member): void;
  /** What a node tells the client. */
  told(news: ClientNews): void;
  /** Whom a client has asked there will answer nothing any more. */
  gone(node: number): void;
  /** A node did not find the store that it had. */
  lostDisk(node: number): void;
}

export class Cluster {
  readonly members: Member[];
  readonly stores: Stores;
  readonly network: Network;
  /** Who is in it, as the last leader that was heard has it. */
  seats: Members;
  /** Whose batches and limits a node has that starts from now on. */
  preset: PresetName = 'balanced';

  constructor(
    readonly founders: number,
    readonly paceName: PaceName,
    private readonly listener: Listener,
  ) {
    this.stores = new Stores(this.name);
    this.members = Array.from({ length: founders }, (_, i) => this.member(i + 1));
    this.seats = { voters: this.nodes, outgoing: [], learners: [] };
    this.network = new Network((from, to, message) => this.find(to)?.order({ kind: 'message', from, message }));
    this.network.delayMs = this.pace.delay;
  }

  get name(): string {
    return `demo-${this.founders}`;
  }

  get pace(): Pace {
    return PACES[this.paceName];
  }

  /** Every node that there is, member or not. */
  get nodes(): number[] {
    return this.members.map(({ node }) => node);
  }

  find(node: number): Member | undefined {
    return this.members.find((member) => member.node === node);
  }

  /** Who leads, as far as running nodes say: the one of the newest term. */
  get leader(): Member | undefined {
    const term = ({ shown }: Member): number => shown?.term ?? 0;
    let newest: Member | undefined;
    for (const member of this.members) {
      if (member.isLeader && (newest === undefined || term(member) > term(newest))) newest = member;
    }
    return newest;
  }

  seatOf(node: number): Seat {
    const { voters, outgoing, learners } = this.seats;
    if (voters.includes(node)) return 'VOTER';
    if (outgoing.includes(node)) return 'LEAVING';
    return learners.includes(node) ? 'LEARNER' : 'NONE';
  }

  /** What an operator should know of: each disk, and what the leader says is at risk or behind. */
  get alerts(): string[] {
    const { leader } = this;
    return this.members.filter(({ life }) => life === 'RUNNING').flatMap((member) => {
      const alerts = member.shown?.alerts.filter(({ kind }) => member === leader || kind === 'SLOW_FSYNC') ?? [];
      return alerts.map(({ text }) => `node ${member.node}: ${text}`);
    });
  }

  /** Milliseconds: of the running nodes, the one whose slowest strict commits in a hundred are the slowest. */
  get fsyncP99(): number {
    return Math.max(0, ...this.members.map(({ life, shown }) => (life === 'RUNNING' ? (shown?.fsyncP99 ?? 0) : 0)));
  }

  startAll(): void {
    for (const node of this.nodes) this.start(node);
  }

  start(node: number): void {
    const member = this.find(node);
    if (member?.isGone !== true) return;
    const founders = Array.from({ length: this.founders }, (_, i) => i + 1);
    member.start({ cluster: this.name, node, founders, pace: this.pace, preset: this.preset, expect: this.stores.expected(node) });
    this.say(`node ${node} starts from its database`, 'PLAIN');
  }

  kill(node: number): void {
    const member = this.find(node);
    if (member?.isUp !== true) return;
    member.kill();
    this.listener.gone(node);
    this.say(`node ${node} is killed: what it wrote stays with the system`, 'BAD');
  }

  cutPower(node: number): void {
    const member = this.find(node);
    if (member?.isUp !== true) return;
    member.cutPower();
    this.listener.gone(node);
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

  /** One more node, with an empty database: it runs, and learns once the leader has it among the members. */
  addNode(): void {
    const node = Math.max(...this.nodes) + 1;
    if (node > NODES_MAX) return this.say(`${NODES_MAX} nodes are as many as fit on the page`, 'BAD');
    this.admit(node);
    this.changeMember({ kind: 'LEARNER', node });
  }

  changeMember(change: MemberChange): void {
    const { leader } = this;
    if (leader === undefined) return this.say('no node leads: nobody to change the members', 'BAD');
    leader.order({ kind: 'members', change });
  }

  /** The leader is left with a minority; the others could elect one of their own. */
  split(): void {
    const { nodes } = this;
    const first = nodes.indexOf(this.leader?.node ?? 1);
    const few = Math.floor((nodes.length - 1) / 2);
    const side = Array.from({ length: few }, (_, i) => nodes[(first + i) % nodes.length] ?? 1);
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

  private say(text: string, tone: Tone): void {
    this.listener.say(text, tone);
  }

  private member(node: number): Member {
    return new Member(node, (member, news) => this.hear(member, news), (store) => this.stores.note(node, store));
  }

  /** A node that the page did not have: it starts. */
  private admit(node: number): void {
    const member = this.member(node);
    this.members.push(member);
    this.members.sort((one, other) => one.node - other.node);
    this.listener.joined(member);
    this.start(node);
  }

  private hear(member: Member, news: News): void {
    const { node } = member;
    switch (news.kind) {
      case 'send':
        if (member.life === 'RUNNING') this.network.carry(node, news.to, news.message, news.about);
        break;
      case 'log':
        member.log.take(news);
        break;
      case 'shown':
        this.showed(member, news.shown);
        break;
      case 'answer':
      case 'refused':
      case 'fates':
        this.listener.told(news);
        break;
      case 'said':
        this.say(`node ${node}: ${news.text}`, news.tone);
        break;
      case 'dark':
        member.log.leave(news.left);
        member.end('DARK');
        this.say(`node ${node} lost its power, and ${news.taken} ${news.taken === 1 ? 'entry' : 'entries'} that no strict transaction held (simulated)`, 'BAD');
        break;
      case 'ended':
        member.end('ENDED');
        this.listener.gone(node);
        this.say(`node ${node} ended: ${news.reason}`, 'BAD');
        if (LOST_DISK.test(news.reason)) this.listener.lostDisk(node);
        break;
    }
  }

  private showed(member: Member, shown: Shown): void {
    const before = member.shown;
    if (member.life === 'STARTING') member.life = 'RUNNING';
    member.shown = shown;
    if (shown.role === 'LEADER' && (before?.role !== 'LEADER' || before.term !== shown.term)) {
      this.say(`node ${member.node} leads term ${shown.term}`, 'GOOD');
    }
    if (shown.trust === 'SUSPECT' && before?.trust !== 'SUSPECT') {
      this.say(`node ${member.node} is suspect: it may have forgotten copies somebody relied on`, 'BAD');
    }
    if (member === this.leader) this.seat(shown.members);
  }

  private seat(seats: Members): void {
    this.seats = seats;
    // After a reload, those who joined are known from the leader's log.
    for (const node of [...seats.voters, ...seats.learners]) {
      if (this.find(node) === undefined && node <= NODES_MAX) this.admit(node);
    }
  }
}
