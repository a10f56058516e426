// Whether a node lives, as the browser knows it: a web lock goes with what holds it, however that ends.
//
// A Worker that is terminated, or runs out of memory, says nothing, and a port to it swallows what it is sent. So each
// node holds a lock of a name of its own; whoever asks for the same lock gets it when the node is gone, and not before.

import { LIFE, LIVES } from './checks/api.js';
import { hold } from './checks/rules.js';
import { drawStore, StorageError } from './store.js';

/** @internal One life of a node. */
export interface Life {
  readonly name: string;
  end(): void;
}

/** @internal Begins one; nothing where there are no web locks. */
export async function beginLife(cluster: string, node: number): Promise<Life | undefined> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) return undefined;
  const name = `${LIVES}${cluster}/${node}/${drawStore()}`;
  const end = await new Promise<() => void>((resolve, reject) => {
    locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
  return { name, end };
}

/**
 * Resolves when the node whose `Host.life` this is has ended: stopped, failed, or gone with its Worker or page without
 * a word. From any page or Worker of the same origin.
 */
export async function whenEnded(life: string): Promise<void> {
  hold(life, 'life', LIFE, 'nobody is watched');
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) throw new StorageError('unavailable', `nobody is watched: ${NO_LOCKS}`);
  await locks.request(life, { mode: 'shared' }, () => undefined);
}

/** @internal What to do where `navigator.locks` is missing. */
export const NO_LOCKS = 'web locks are missing: serve the page over https, or from localhost; Node has none before 24';
