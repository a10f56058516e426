// A node by itself in a page, and writes to it.

import { type Answer, type Asked, Host, Hub, IndexedDbStorage, Refused } from '../../index.js';
import { pause } from '../cluster.js';
import type { Journal } from '../journal.js';

/** A cluster of one, which leads. */
export async function alone(cluster: string, machine: Journal, onEnd?: (reason: Error) => void): Promise<Host> {
  const host = await Host.start({
    cluster,
    node: 1,
    voters: [1],
    storage: new IndexedDbStorage(),
    channel: new Hub().join(1),
    machine,
    ...(onEnd && { onEnd }),
  });
  host.campaign();
  while (host.view().commit < host.view().last || host.view().role !== 'LEADER') await pause();
  return host;
}

/** Proposes again while the node is busy, or out of office because the machine was. */
export async function put(host: Host, command: Uint8Array, asked: Asked = {}): Promise<Answer> {
  for (;;) {
    try {
      return await host.propose(command, asked);
    } catch (error) {
      if (!(error instanceof Refused) || error.why === 'STOPPED') throw error;
      await pause();
    }
  }
}
