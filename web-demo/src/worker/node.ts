// One node in its Worker: a host over IndexedDB, whose messages the page carries.

import { Host, IndexedDbStorage, load, type Channel, type Listener, type Message } from 'kraft-host-wasm';

import type { News, Order } from '../cluster/protocol';
import { Gate } from './gate';
import { PowerStorage } from './power';

const REPORT_MS = 60;
const ENTRIES_SHOWN = 24;

const scope = globalThis as unknown as {
  postMessage(news: readonly News[]): void;
  onmessage: ((event: MessageEvent<Order>) => void) | null;
};

let told: News[] = [];

/** What is told in one go is one message to the page: to hear each costs it more than what is in it. */
function tell(news: News): void {
  if (told.push(news) > 1) return;
  queueMicrotask(() => {
    scope.postMessage(told);
    told = [];
  });
}

const every = globalThis.setInterval;
const gate = new Gate();
gate.guardTimers();
const power = new PowerStorage(new IndexedDbStorage(), gate);

let hear: Listener | undefined;
const channel: Channel = {
  send: (to, message: Message) => tell({ kind: 'send', to, message }),
  listen: (listener) => {
    hear = listener;
  },
  close: () => {
    hear = undefined;
  },
};

let host: Host | undefined;
let seen = '';

function report(): void {
  if (host === undefined) return;
  const view = host.view();
  const entries = power.newest(ENTRIES_SHOWN);
  const now = JSON.stringify([view, entries.map(({ index, term }) => [index, term])]);
  const forced = power.takeForced();
  if (now === seen && forced.length === 0) return;
  seen = now;
  tell({ kind: 'report', report: { view, entries, forced } });
}

async function start(order: Extract<Order, { kind: 'start' }>): Promise<void> {
  await load();
  host = await Host.start({
    cluster: order.cluster,
    node: order.node,
    voters: order.voters,
    storage: power,
    channel,
    // What is replicated does not matter here: only how far it was applied.
    machine: { apply: () => undefined, snapshot: () => new Uint8Array(1), restore: () => undefined },
    timing: order.pace,
    durability: { lazyFlush: order.pace.lazyFlush },
    onEnd: (reason) => {
      host = undefined;
      tell({ kind: 'ended', reason: reason.message });
    },
  });
  every(report, REPORT_MS);
  report();
}

function propose({ id, command, asked }: Extract<Order, { kind: 'propose' }>): void {
  if (host === undefined) return tell({ kind: 'refused', id, why: 'the node does not run' });
  host.propose(new TextEncoder().encode(command), asked).then(
    (answer) => {
      // The picture shows the entry before the client hears of it.
      report();
      tell({ kind: 'answer', id, answer });
    },
    (error: Error) => tell({ kind: 'refused', id, why: error.message }),
  );
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
    case 'fates': {
      const { of } = order;
      gate.run(() => {
        const running = host;
        if (running) tell({ kind: 'fates', fates: of.map((at) => ({ ...at, fate: running.fate(at) })) });
      });
      break;
    }
    case 'transfer':
      gate.run(() => {
        try {
          host?.transfer(order.to);
        } catch (error) {
          tell({ kind: 'said', text: error instanceof Error ? error.message : String(error) });
        }
      });
      break;
    case 'pause':
      gate.shut();
      break;
    case 'resume':
      gate.open();
      break;
    case 'disk':
      power.slowMs = order.slowMs;
      break;
    case 'cut':
      host = undefined;
      hear = undefined;
      power.cut().then(
        (taken) => tell({ kind: 'dark', taken, entries: power.newest(ENTRIES_SHOWN) }),
        (error: Error) => tell({ kind: 'ended', reason: error.message }),
      );
      break;
  }
}

scope.onmessage = ({ data }) => obey(data);
