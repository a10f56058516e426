// A node in a Worker of its own, for tests: it is told whom it can reach, and asked over messages.

import { type Asked, Host, IndexedDbStorage, load, PortChannel } from '../../index.js';
import { Journal } from '../journal.js';

/** What the page says to a Worker. */
export type Order =
  | { readonly kind: 'START'; readonly cluster: string; readonly node: number; readonly voters: readonly number[] }
  | { readonly kind: 'CONNECT'; readonly node: number; readonly port: MessagePort }
  | { readonly kind: 'PUT'; readonly id: number; readonly command: string; readonly asked: Asked }
  | { readonly kind: 'VIEW'; readonly id: number }
  | { readonly kind: 'LIFE'; readonly id: number }
  | { readonly kind: 'SILENCE' }
  | { readonly kind: 'COMMANDS'; readonly id: number }
  | { readonly kind: 'STOP'; readonly id: number };

const channel = new PortChannel();
const journal = new Journal();
let host: Host | undefined;

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'START': {
      await load();
      const { cluster, node, voters } = order;
      host = await Host.start({ cluster, node, voters, storage: new IndexedDbStorage(), channel, machine: journal });
      return undefined;
    }
    case 'CONNECT':
      channel.connect(order.node, order.port);
      return undefined;
    case 'PUT':
      return host?.propose(new TextEncoder().encode(order.command), order.asked);
    case 'LIFE':
      return host?.life;
    case 'SILENCE':
      return self.close();
    case 'VIEW':
      return host?.view();
    case 'COMMANDS':
      return journal.commands;
    case 'STOP':
      return host?.stop();
  }
}

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const id = 'id' in data ? data.id : 0;
  obey(data).then(
    (result) => self.postMessage({ id, result }),
    (error: unknown) => self.postMessage({ id, error: String(error) }),
  );
};
