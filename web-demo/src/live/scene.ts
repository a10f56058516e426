// The cluster that runs in this page, as the stage draws it.

import { isAcknowledged, type Ledger, type Write } from '../client/ledger';
import { family, holders } from '../client/words';
import type { Cluster } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import type { Flight as Carried } from '../cluster/network';
import type { Asked, Case, Chip, Depth, Flight, Life, Snapshot, Standing } from '../stage/snapshot';

/** For how long an ask and an answer are seen on their way. */
const GOING_MS = 220;
const ASKED_MAX = 24;
const LIVES: Readonly<Record<Member['life'], Life>> = { STARTING: 'starting', RUNNING: 'up', PAUSED: 'paused', KILLED: 'killed', DARK: 'dark', ENDED: 'ended' };
const SAYS: Readonly<Record<Member['life'], string>> = { STARTING: 'starts', RUNNING: '', PAUSED: 'paused', KILLED: 'killed', DARK: 'no power', ENDED: 'ended' };
const KINDS: Readonly<Record<Carried['kind'], Flight['kind']>> = { VOTE: 'vote', APPEND: 'append', REPLY: 'reply', HEARTBEAT: 'beat', READ: 'beat', SNAPSHOT: 'snapshot' };
const LETTERS = { ACCEPTED: '▁', WRITTEN: '▄', SYNCED: '█' } as const;

export function standingOf(write: Write): Standing {
  if (write.state === 'ASKED') return 'WAITING';
  if (!isAcknowledged(write)) return 'REFUSED';
  if (write.fate === 'COMMITTED') return 'KEPT';
  return write.fate === 'LOST' ? 'LOST' : 'TOLD';
}

/** What an answer rests on, the leader first: so many nodes, so deep. */
export function shapeOf({ answer, voters }: Write): string {
  if (answer?.held === undefined) return '';
  const wide = Math.max(1, holders(answer.mode, voters));
  return LETTERS[answer.held].repeat(wide) + '·'.repeat(Math.max(0, voters - wide));
}

export class LiveScene {
  private readonly keys = new WeakMap<Carried, string>();
  private nextKey = 1;

  constructor(private readonly cluster: Cluster, private readonly ledger: Ledger, private readonly calm: () => boolean) {}

  /** Everything; what moves in every frame is in `flights` alone. */
  snapshot(now: number): Snapshot {
    const { members, network, leader } = this.cluster;
    const recent = this.ledger.writes.slice(-400);
    const byPlace = new Map(recent.flatMap((write) => (write.answer === undefined ? [] : [[`${write.answer.term} ${write.answer.index}`, write] as const])));
    const nodes = members.map(({ node }) => node);
    const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [from, to] as const));
    return {
      cases: members.map((member) => this.caseOf(member, member === leader, byPlace)),
      flights: this.flights(now),
      cut: pairs.filter(([from, to]) => network.isCut(from, to)),
      asked: recent.slice(-ASKED_MAX).map((write) => this.askedOf(write, now)),
      empty: 'it has not asked for anything yet',
    };
  }

  flights(now: number): Flight[] {
    const { network } = this.cluster;
    return [...network.flights, ...network.takeLanded()].map((carried) => {
      const { from, to, kind, mode, sentAt, dueAt } = carried;
      const part = this.calm() ? 0.5 : Math.min(1, Math.max(0, (now - sentAt) / Math.max(1, dueAt - sentAt)));
      return { key: this.keyOf(carried), from, to, kind: KINDS[kind], mode: mode === undefined ? 'none' : family(mode).toLowerCase(), part, lost: false, pick: '' };
    });
  }

  private keyOf(carried: Carried): string {
    const known = this.keys.get(carried) ?? String(this.nextKey++);
    this.keys.set(carried, known);
    return known;
  }

  private caseOf(member: Member, leads: boolean, byPlace: ReadonlyMap<string, Write>): Case {
    const { node, life, shown, log: { entries, marks } } = member;
    const seat = this.cluster.seatOf(node);
    const role = shown?.role === 'LEADER' ? `leads term ${shown.term}` : shown?.role === 'FOLLOWER' ? `follows, term ${shown.term}` : 'asks for votes';
    // A process that is killed takes its memory along; what the systems have stays.
    const left = life === 'KILLED' ? entries.filter(({ index }) => index <= marks.written) : entries;
    return {
      node, leads, term: shown?.term ?? 0, commit: marks.commit, suspect: shown?.trust === 'SUSPECT', life: LIVES[life],
      says: SAYS[life] || (seat === 'LEARNER' ? 'learns' : seat === 'NONE' ? 'no member' : shown === undefined ? 'starts' : role),
      chips: left.map(({ term, index, kind, text }): Chip => {
        const write = byPlace.get(`${term} ${index}`);
        const depth: Depth = index <= marks.synced ? 'synced' : index <= marks.written ? 'written' : 'accepted';
        const loss = this.ledger.lossOf({ term, index });
        return {
          term, index, depth, kind: kind === 'COMMAND' ? 'command' : 'own', label: kind === 'COMMAND' ? short(index) : `t${term}`,
          standing: loss === 'ACKNOWLEDGED' ? 'LOST' : loss === 'UNANSWERED' ? 'REFUSED' : write === undefined ? undefined : standingOf(write),
          mode: write === undefined ? 'none' : family(write.asked.mode).toLowerCase(), pick: text === '' ? `node ${node}` : `write ${write?.id ?? 0}`,
        };
      }),
      more: Math.max(0, (left[0]?.index ?? 1) - 1),
    };
  }

  private askedOf(write: Write, now: number): Asked {
    const standing = standingOf(write);
    const since = (at: number): number => (now - at) / GOING_MS;
    const [asking, answering] = [since(write.askedAt), since(write.askedAt + (write.latencyMs ?? Infinity))];
    const going = this.calm() ? undefined
      : isAcknowledged(write) && answering >= 0 && answering < 1 ? ({ way: 'ANSWER', part: answering } as const)
        : standing === 'WAITING' && asking < 1 ? ({ way: 'ASK', part: asking } as const) : undefined;
    return {
      key: String(write.id), label: write.answer === undefined ? '' : short(write.answer.index), standing, mode: family(write.asked.mode).toLowerCase(), shape: shapeOf(write), pick: `write ${write.id}`,
      going: going === undefined ? undefined : { ...going, node: this.cluster.nodes.indexOf(write.node) + 1 },
    };
  }
}

/** An index as it fits on a chip: of a long one the last three digits, as years are written. */
export function short(index: number): string {
  return index < 1000 ? String(index) : `’${String(index % 1000).padStart(3, '0')}`;
}
