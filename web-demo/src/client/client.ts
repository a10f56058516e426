// The client: what it asks the leader for, by which class, and what it hears.

import { type Asked, type Class, type CommitMode, type FsyncMode, presetOf, type Zones } from 'kraft-host-wasm';

import type { Cluster, Tone } from '../cluster/cluster';
import type { ClientNews } from '../cluster/protocol';
import { Health } from './health';
import { isAcknowledged, Ledger, type Write } from './ledger';
import { plain } from './plain';
import { evidence, hearsWhen } from './words';
import { readZones, ZONES_AT_FIRST } from './zones';

const FATES_MS = 150;
const ALL_TIMEOUT_MS = 5000;

export interface Ask {
  readonly key: string;
  readonly mode?: CommitMode | undefined;
  readonly fsync?: FsyncMode | undefined;
  /** What becomes of ALL when its time is up. */
  readonly fallback?: Asked['fallback'];
}

export class Client {
  readonly ledger = new Ledger();
  readonly health = new Health();
  zones: Zones = readZones(ZONES_AT_FIRST);

  constructor(
    readonly cluster: Cluster,
    private readonly say: (text: string, tone: Tone) => void,
  ) {
    setInterval(() => this.askFates(), FATES_MS);
  }

  /** The class of a write that names none and whose key has no zone: the preset's. */
  get usual(): Class {
    const { mode, fsync } = presetOf(this.cluster.preset);
    return { mode, fsync };
  }

  /** Asks the leader, if there is one, to write. */
  propose({ key, mode, fsync, fallback }: Ask): Write | undefined {
    const { leader } = this.cluster;
    if (leader === undefined) {
      this.say('no node leads: nobody to ask', 'BAD');
      return undefined;
    }
    const named = { ...(mode && { mode }), ...(fsync && { fsync }) };
    const voters = this.cluster.seats.voters.length;
    let asked: Class;
    try {
      asked = this.zones.resolve(named, key, this.usual, voters);
    } catch (error) {
      const write = this.ledger.ask(key, key.length, { ...this.usual, ...named }, leader.node, voters);
      this.refused(write.id, error instanceof Error ? error.message : String(error));
      return write;
    }
    const write = this.ledger.ask(key, key.length, asked, leader.node, voters);
    const timeout = asked.mode === 'ALL' ? { timeout: ALL_TIMEOUT_MS, fallback: fallback ?? 'REFUSE' } : {};
    leader.order({ kind: 'propose', id: write.id, command: key, asked: { ...asked, ...timeout } });
    return write;
  }

  hear(news: ClientNews): void {
    switch (news.kind) {
      case 'answer': {
        const write = this.ledger.answered(news.id, news.answer, news.voters);
        if (write?.latencyMs !== undefined) this.health.acked(write.asked.mode, write.latencyMs);
        if (write) this.say(`${plain(write.key)} → ${evidence(news.answer, write.voters, write.asked.mode)}`, news.answer.held === undefined ? 'BAD' : 'GOOD');
        break;
      }
      case 'refused':
        this.refused(news.id, news.why);
        break;
      case 'fates':
        for (const { term, index, fate } of news.fates) {
          const write = this.ledger.settled({ term, index }, fate);
          if (fate === 'LOST') this.say(lossWords(term, index, write), write !== undefined && isAcknowledged(write) ? 'LOST' : 'PLAIN');
        }
        break;
    }
  }

  private refused(id: number, why: string): void {
    this.ledger.refused(id, why);
    this.say(`refused: ${why}`, 'BAD');
  }

  /** Which rule gives the write its class, and when its client hears yes. */
  explain({ key, mode, fsync }: Ask): string {
    const voters = this.cluster.seats.voters.length;
    const named = { ...(mode && { mode }), ...(fsync && { fsync }) };
    const zone = this.zones.listed.find(({ pattern }) => matches(pattern, key));
    const by = mode && fsync ? 'as you say' : zone === undefined ? 'no zone: the default' : `zone ${zone.pattern}`;
    try {
      const asked = this.zones.resolve(named, key, this.usual, voters);
      return `${plain(key)} → ${by} → ${asked.mode} · ${asked.fsync}: you hear ${hearsWhen(asked, voters)}`;
    } catch (error) {
      return `${plain(key)} → refused: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  private askFates(): void {
    const { open } = this.ledger;
    if (open.length > 0) this.cluster.leader?.order({ kind: 'fates', of: open });
  }
}

/** What is said of an entry that is gone: whether somebody had been told yes is the first thing. */
function lossWords(term: number, index: number, write: Write | undefined): string {
  if (write === undefined || !isAcknowledged(write)) return `entry ${index} of term ${term} is gone; it was never acknowledged`;
  return `entry ${index} of term ${term} was acknowledged and is lost, as ${write.asked.mode} · ${write.asked.fsync} allows`;
}

/** Whether a pattern of a zone fits a key: `*` any bytes, `?` one character. For words; the core's rules decide. */
function matches(pattern: string, key: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${escaped}$`, 'su').test(key);
}
