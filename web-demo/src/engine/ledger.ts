// From records to what a tape shows: every write with its whole life, who led when, and the moments worth a stop.
//
// Whether the client was told yes is `answeredUs` together with `told`, and comes from the simulator's answer alone.

import type { Happening } from './records';

/** A copy of a write on one node: since when it was written there, and since when synced. */
export interface Copy {
  readonly node: number;
  written: number | undefined;
  synced: number | undefined;
}

export interface Write {
  readonly ask: number;
  readonly askedUs: number;
  /** Where it stands, once a node took it. */
  node: number;
  term: number;
  index: number;
  proposedUs: number | undefined;
  answeredUs: number | undefined;
  /** Whether the answer was yes: held as asked, or by the fallback that was asked for. */
  told: boolean;
  grade: string;
  /** What each node had when the client was told: one letter a node. */
  shape: string;
  readonly copies: Copy[];
  /** What became of the answer, when that was certain, and its place in the contract. */
  fate: 'kept' | 'lost' | undefined;
  fateUs: number | undefined;
  cell: readonly [string, string] | undefined;
  gaveUpUs: number | undefined;
}

/** A leader's time. */
export interface Reign {
  readonly node: number;
  readonly term: number;
  readonly fromUs: number;
  untilUs: number | undefined;
}

/** How and when a node was down. */
export interface Absence {
  readonly node: number;
  readonly how: 'killed' | 'power_cut' | 'stopped';
  readonly fromUs: number;
  untilUs: number | undefined;
}

export interface Moment {
  readonly atUs: number;
  readonly kind: 'ask' | 'answer' | 'fault' | 'start' | 'leader' | 'loss' | 'readmitted';
  readonly node: number;
  /** The term of a leader, the ask of a write. */
  readonly number: number;
}

export interface Ledger {
  readonly writes: Write[];
  readonly reigns: Reign[];
  readonly absences: Absence[];
  readonly moments: Moment[];
}

/** In a world whose promise is `BROKEN` nothing is called kept: what is certain there is that something is not. */
export function ledgerOf(records: readonly Happening[], world: 'WHOLE' | 'BROKEN'): Ledger {
  const ledger: Ledger = { writes: [], reigns: [], absences: [], moments: [] };
  const byAsk = new Map<number, Write>();
  const byPlace = new Map<string, Write>();
  for (const record of records) note(ledger, byAsk, byPlace, record);
  for (const write of world === 'BROKEN' ? ledger.writes : []) if (write.fate === 'kept') write.fate = undefined;
  return ledger;
}

function note(ledger: Ledger, byAsk: Map<number, Write>, byPlace: Map<string, Write>, record: Happening): void {
  const { at_us: atUs, node, term, first, last, ask, word } = record;
  const moment = (kind: Moment['kind'], number: number): void => void ledger.moments.push({ atUs, kind, node, number });
  const there = (): Write | undefined => byPlace.get(`${term} ${last}`);
  switch (record.what) {
    case 'asked': {
      const write = blank(ask, atUs);
      byAsk.set(ask, write);
      ledger.writes.push(write);
      moment('ask', ask);
      break;
    }
    case 'proposed': {
      const write = byAsk.get(ask);
      if (write === undefined) break;
      Object.assign(write, { node, term, index: last, proposedUs: atUs });
      byPlace.set(`${term} ${last}`, write);
      break;
    }
    case 'gave_up': {
      const write = byAsk.get(ask);
      if (write !== undefined) write.gaveUpUs = atUs;
      break;
    }
    case 'held':
      for (let index = first; index <= last; index++) hold(byPlace.get(`${term} ${index}`), node, word, atUs);
      break;
    case 'answered': {
      const write = there();
      if (write === undefined || write.answeredUs !== undefined) break;
      Object.assign(write, { answeredUs: atUs, grade: word, shape: record.shape, told: record.shape !== '' });
      moment('answer', write.ask);
      break;
    }
    case 'judged': {
      const write = there();
      if (write === undefined) break;
      if (write.fate === undefined) {
        write.fate = word === 'lost' ? 'lost' : 'kept';
        write.fateUs = atUs;
        if (word === 'lost') moment('loss', write.ask);
      }
      write.cell = record.cell ?? write.cell;
      break;
    }
    case 'role':
      reign(ledger, record);
      if (word === 'leader') moment('leader', term);
      break;
    case 'ended':
      close(ledger.reigns, node, atUs);
      ledger.absences.push({ node, how: word as Absence['how'], fromUs: atUs, untilUs: undefined });
      moment('fault', 0);
      break;
    case 'started':
      close(ledger.absences, node, atUs);
      if (atUs > 0) moment('start', 0);
      break;
    case 'readmitted':
      moment('readmitted', 0);
      break;
  }
}

function blank(ask: number, askedUs: number): Write {
  return {
    ask, askedUs, node: 0, term: 0, index: 0, proposedUs: undefined, answeredUs: undefined, told: false, grade: '', shape: '',
    copies: [], fate: undefined, fateUs: undefined, cell: undefined, gaveUpUs: undefined,
  };
}

function hold(write: Write | undefined, node: number, word: string, atUs: number): void {
  if (write === undefined) return;
  let copy = write.copies.find((one) => one.node === node);
  if (copy === undefined) {
    copy = { node, written: undefined, synced: undefined };
    write.copies.push(copy);
  }
  if (word === 'synced') copy.synced ??= atUs;
  else copy.written ??= atUs;
}

function reign(ledger: Ledger, { node, term, word, at_us }: Happening): void {
  const last = ledger.reigns.findLast((one) => one.node === node);
  const goesOn = word === 'leader' && last?.untilUs === undefined && last?.term === term;
  if (goesOn) return;
  close(ledger.reigns, node, at_us);
  if (word === 'leader') ledger.reigns.push({ node, term, fromUs: at_us, untilUs: undefined });
}

function close(spans: { readonly node: number; untilUs: number | undefined }[], node: number, atUs: number): void {
  const open = spans.findLast((span) => span.node === node && span.untilUs === undefined);
  if (open !== undefined) open.untilUs = atUs;
}

/** What the client knows of a write at a moment. */
export type Standing = 'UNASKED' | 'WAITING' | 'REFUSED' | 'TOLD' | 'KEPT' | 'LOST';

export function standingOf(write: Write, atUs: number): Standing {
  if (atUs < write.askedUs) return 'UNASKED';
  if (write.answeredUs === undefined || atUs < write.answeredUs) return (write.gaveUpUs ?? Infinity) <= atUs ? 'REFUSED' : 'WAITING';
  if (!write.told) return 'REFUSED';
  if (write.fate === undefined || atUs < (write.fateUs ?? Infinity)) return 'TOLD';
  return write.fate === 'lost' ? 'LOST' : 'KEPT';
}
