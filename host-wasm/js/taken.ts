// Stores and channels of nodes that run: each is one node's, which closes both when it ends.

import type { Channel } from './channel.js';
import type { Storage } from './store.js';

/** What a node runs on and has to itself. */
export interface Things {
  readonly storage: Storage;
  readonly channel: Channel;
}

const taken = new WeakSet<object>();

/** Which of them is another node's already. */
export function takenOf({ storage, channel }: Things): 'storage' | 'channel' | undefined {
  if (taken.has(storage)) return 'storage';
  return taken.has(channel) ? 'channel' : undefined;
}

export function take({ storage, channel }: Things): void {
  taken.add(storage).add(channel);
}

export function letGo({ storage, channel }: Things): void {
  channel.close();
  storage.close();
  taken.delete(storage);
  taken.delete(channel);
}
