// A simulated world at a moment, as the stage draws it.

import { type Absence, type Standing as Known, standingOf, type Write } from '../engine/ledger';
import type { Told } from '../engine/protocol';
import type { WorldMessage, WorldNode, WorldView } from '../engine/records';
import type { Ghost } from '../stage/table';
import type { Asked, Case, Chip, Depth, Flight, Life, Snapshot, Standing } from '../stage/snapshot';
import type { Class } from './lesson';

const LIVES: Readonly<Record<Absence['how'], { life: Life; says: string }>> = {
  killed: { life: 'killed', says: 'killed' },
  power_cut: { life: 'dark', says: 'no power' },
  stopped: { life: 'ended', says: 'stopped' },
};
/** Writes of the client that are drawn at most. */
const ASKED_MAX = 48;
/** How far a message that is lost comes. */
const LOST_PART = 0.5;

/** The client's writes of the lesson: those by which a world shows that it is at rest are not the client's. */
export function writesOf(told: Told, spanUs: number): readonly Write[] {
  return told.writes.filter(({ askedUs }) => askedUs <= spanUs);
}

export interface Moment {
  readonly view: WorldView;
  readonly told: Told;
  readonly writes: readonly Write[];
  readonly atUs: number;
  readonly asked: Class | undefined;
  /** For how long an ask or an answer is seen on its way. */
  readonly goingUs: number;
}

export function snapshotOf(moment: Moment): Snapshot {
  const { view, told, writes, atUs, asked, goingUs } = moment;
  const mode = (asked?.mode ?? 'none').replace(/_\d$/, '').toLowerCase();
  const byPlace = new Map(writes.map((write) => [`${write.term} ${write.index}`, write]));
  const away = (node: number): Absence | undefined =>
    told.absences.findLast((one) => one.node === node && one.fromUs <= atUs && (one.untilUs ?? Infinity) > atUs);
  const chipOf = (node: WorldNode, term: number, index: number, kind: string): Chip => {
    const write = kind === 'command' ? byPlace.get(`${term} ${index}`) : undefined;
    const depth: Depth = index <= node.synced ? 'synced' : index <= node.written ? 'written' : 'accepted';
    const known = write === undefined ? undefined : standingOf(write, atUs);
    return {
      term, index, depth, mode, kind: kind === 'command' ? 'command' : 'own',
      label: kind === 'command' ? (write === undefined ? String(index) : String(write.ask)) : `t${term}`,
      standing: known === undefined || known === 'UNASKED' ? undefined : known,
      pick: write === undefined ? `entry ${term} ${index}` : `write ${write.ask}`,
    };
  };
  const cases = view.nodes.map((node, place): Case => {
    const absence = node.up ? undefined : away(place + 1);
    const gone = absence === undefined ? { life: 'killed' as const, says: 'down' } : LIVES[absence.how];
    return {
      node: place + 1, term: node.term, commit: node.commit, leads: node.role === 'leader', suspect: node.trust === 'suspect',
      life: node.up ? 'up' : gone.life,
      says: node.up ? said(node) : gone.says,
      chips: node.log.map(([term, kind], at) => chipOf(node, term, node.first + at, kind)),
      more: node.first - 1,
    };
  });
  return {
    cases, cut: view.cut,
    flights: [...view.messages.map((message) => flightOf(message, atUs)), ...view.lost.map((message) => ({ ...flightOf(message, atUs), part: LOST_PART, lost: true }))],
    asked: writes.filter(({ askedUs }) => askedUs <= atUs).slice(-ASKED_MAX).map((write) => askedOf(write, atUs, mode, view.nodes[write.node - 1]?.up === true ? goingUs : 0)),
    empty: 'it has not asked for anything yet',
  };
}

function said({ role, term }: WorldNode): string {
  if (role === 'leader') return `leads term ${term}`;
  return role === 'follower' ? `follows, term ${term}` : `asks for votes`;
}

function flightOf(message: WorldMessage, atUs: number): Flight {
  const { number, from, to, kind, mode, sent_us, arrives_us } = message;
  const kinds: Readonly<Record<string, Flight['kind']>> = {
    append: 'append', snapshot: 'snapshot', matched: 'reply', rejected: 'reply', heartbeat: 'beat', heartbeat_reply: 'beat', other: 'beat',
  };
  return {
    key: `${number} ${from} ${to} ${sent_us}`, from, to, kind: kinds[kind] ?? 'vote', mode: mode.toLowerCase().replace(/[_(]\d.*$/, '') || 'none',
    part: Math.min(1, Math.max(0, (atUs - sent_us) / Math.max(1, arrives_us - sent_us))), lost: false,
    pick: `message ${number} ${from} ${to} ${sent_us}`,
  };
}

function askedOf(write: Write, atUs: number, mode: string, goingUs: number): Asked {
  const known: Known = standingOf(write, atUs);
  const standing: Standing = known === 'UNASKED' ? 'WAITING' : known;
  const since = (from: number | undefined): number => (from === undefined || goingUs === 0 ? Infinity : (atUs - from) / goingUs);
  const [asking, answering] = [since(write.proposedUs), since(write.answeredUs)];
  const going = (way: 'ASK' | 'ANSWER', part: number): Asked['going'] => ({ node: write.node, way, part });
  return {
    key: String(write.ask), label: String(write.ask), standing, mode, pick: `write ${write.ask}`,
    shape: standing === 'WAITING' || standing === 'REFUSED' ? '' : write.shape,
    going: write.told && answering >= 0 && answering < 1 ? going('ANSWER', answering) : asking >= 0 && asking < 1 && standing === 'WAITING' ? going('ASK', asking) : undefined,
  };
}

export function ghostsOf(writes: readonly Write[], atUs: number): Ghost[] {
  const lost = writes.filter((write) => standingOf(write, atUs) === 'LOST');
  return lost.map(({ index, ask }) => ({ index, label: String(ask), pick: `write ${ask}` }));
}
