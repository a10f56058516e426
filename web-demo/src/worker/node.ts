// One node in its Worker: a host over IndexedDB, whose messages the page carries.

import { entriesOf, Host, IndexedDbStorage, load, type Channel, type Listener, type LogRecord, PowerStorage } from 'kraft-host-wasm';

import { ENTRIES_SHOWN } from '../cluster/log';
import type { News, Order, Position, Post, Shown, Start } from '../cluster/protocol';
import { Disk } from './disk';
import { Gate } from './gate';
import { LogTeller } from './log_news';
import { Stays } from './stays';

const REPORT_MS = 80;

const scope = globalThis as unknown as {
  postMessage(news: readonly Post[]): void;
  onmessage: ((event: MessageEvent<readonly Order[]>) => void) | null;
};

let told: Post[] = [];

/** What is told in one go is one message to the page: to hear each costs it more than what is in it. */
function tell(...news: readonly Post[]): void {
  if (told.length === 0) {
    queueMicrotask(() => {
      scope.postMessage(told);
      told = [];
    });
  }
  told.push(...news);
}

const every = globalThis.setInterval;
const gate = new Gate();
gate.guardTimers();
let power: PowerStorage | undefined;
let slowMs = 0;
let disk: Disk | undefined;

let hear: Listener | undefined;
const channel: Channel = {
  send: (to, message, about) => tell({ kind: 'send', to, message, about }),
  listen: (listener) => {
    hear = listener;
  },
  close: () => {
    hear = undefined;
  },
};

let host: Host | undefined;
const log = new LogTeller();
const stays = new Stays();
let shown = '';

/** Tells how far the log has come, and what else is new where that is asked for. */
function report(what: 'LOG' | 'ALL'): void {
  if (host === undefined) return;
  const view = host.view();
  const news = log.news(host, view);
  if (news !== undefined) tell({ kind: 'log', ...news });
  if (what === 'LOG') return;
  const { role, term, trust, members, alerts, fsyncP99 } = view;
  const now: Shown = { role, term, trust, members, alerts, fsyncP99: Math.round(fsyncP99 * 10) / 10, waiting: stays.of(view) };
  const said = JSON.stringify(now);
  if (said === shown) return;
  shown = said;
  tell({ kind: 'shown', shown: now });
}

async function start({ cluster, node, founders, pace, preset, expect }: Start): Promise<void> {
  await load();
  power = new PowerStorage(new IndexedDbStorage(expect === undefined ? {} : { expect: BigInt(expect) }));
  disk = new Disk(power, gate);
  disk.slowMs = slowMs;
  const { electionMin, electionMax, heartbeat, lazyForce } = pace;
  host = await Host.start({
    cluster,
    node,
    voters: founders,
    joins: founders.includes(node) ? 'FIRST' : 'LATER',
    storage: disk,
    channel,
    // What is replicated does not matter here: only how far it was applied.
    machine: { apply: () => undefined, snapshot: () => new Uint8Array(1), restore: () => undefined },
    timing: { electionMin, electionMax, heartbeat },
    preset,
    durability: { lazyForce },
    onRole: () => queueMicrotask(() => report('ALL')),
    onEnd: (reason) => {
      // Who lost the power has no time left to say so.
      if (host === undefined) return;
      host = undefined;
      tell({ kind: 'ended', reason: reason.message });
    },
  });
  tell({ kind: 'store', store: String(host.store) });
  if (host.life !== undefined) tell({ kind: 'life', life: host.life });
  every(() => report('ALL'), REPORT_MS);
  report('ALL');
}

let answers: News[] = [];

/** Answers that come together are told together, behind what the picture shows of their entries. */
function answer(news: News): void {
  if (answers.push(news) > 1) return;
  queueMicrotask(() => {
    report('LOG');
    tell(...answers);
    answers = [];
  });
}

function propose({ id, command, asked }: Extract<Order, { kind: 'propose' }>): void {
  const running = host;
  if (running === undefined) return tell({ kind: 'refused', id, why: 'the node does not run' });
  running.propose(new TextEncoder().encode(command), asked).then(
    (it) => {
      // What it says as it ends, that nobody knows, the page knows without it.
      if (running === host || it.grade !== 'UNKNOWN') answer({ kind: 'answer', id, answer: it, voters: votersOf(running) });
    },
    (error: Error) => {
      // Of a node that has ended nobody knows what it did.
      if (running === host) answer({ kind: 'refused', id, why: error.message });
    },
  );
}

/** How many vote now. */
function votersOf(running: Host): number | undefined {
  return running === host ? running.view().members.voters.length : undefined;
}

function changeMembers({ change }: Extract<Order, { kind: 'members' }>): void {
  const { kind, node } = change;
  host?.changeMembers([change]).then(
    ({ index, held }) => {
      const now = { VOTER: 'votes', LEARNER: 'learns', REMOVE: 'is no member any more' }[kind];
      tell(held === undefined ? said(`it is not known whether node ${node} ${now}`, 'BAD') : said(`node ${node} ${now}, by entry ${index}`, 'GOOD'));
    },
    (error: Error) => tell(said(error.message, 'BAD')),
  );
}

function transfer(to: number): void {
  try {
    host?.transfer(to);
  } catch (error) {
    tell(said(error instanceof Error ? error.message : String(error), 'BAD'));
  }
}

function tellFates({ of }: Extract<Order, { kind: 'fates' }>): void {
  const running = host;
  if (running) tell({ kind: 'fates', fates: of.map((at) => ({ ...at, fate: running.fate(at) })) });
}

function said(text: string, tone: 'GOOD' | 'BAD'): News {
  return { kind: 'said', text, tone };
}

async function cutPower(): Promise<void> {
  host = undefined;
  hear = undefined;
  const { left, taken } = await (power ?? new PowerStorage(new IndexedDbStorage())).cut();
  const count = taken.reduce((sum, { bytes }) => sum + entriesOf(bytes).length, 0);
  tell({ kind: 'dark', taken: count, left: newestOf(left) });
}

/** The newest entries of these records, each of which takes the place of what stands from its first entry on. */
function newestOf(records: readonly LogRecord[]): Position[] {
  let entries: Position[] = [];
  for (const { first, bytes } of records) {
    const more = entriesOf(bytes).map(({ term, index }) => ({ term, index }));
    entries = [...entries.filter(({ index }) => index < first), ...more].slice(-ENTRIES_SHOWN);
  }
  return entries;
}

function obey(order: Order): void {
  switch (order.kind) {
    case 'start':
      start(order).catch((error: Error) => tell({ kind: 'ended', reason: error.message }));
      break;
    case 'message':
      gate.run(() => hear?.(order.from, order.message));
      break;
    case 'propose':
      gate.run(() => propose(order));
      break;
    case 'fates':
      gate.run(() => tellFates(order));
      break;
    case 'transfer':
      gate.run(() => transfer(order.to));
      break;
    case 'members':
      gate.run(() => changeMembers(order));
      break;
    case 'pause':
      gate.shut();
      break;
    case 'resume':
      gate.open();
      break;
    case 'disk':
      slowMs = order.slowMs;
      if (disk !== undefined) disk.slowMs = slowMs;
      break;
    case 'cut':
      cutPower().catch((error: Error) => tell({ kind: 'ended', reason: error.message }));
      break;
  }
}

scope.onmessage = ({ data }) => data.forEach(obey);
