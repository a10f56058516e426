// What a store is asked to commit: a firmness of another name must not be taken for the weaker one.

import type { Change, Firmness } from '../store.js';
import { FIRMNESS, STORE_CHANGES } from './api.js';
import { hold } from './rules.js';

/** Throws `Refused` where these are no changes. */
export function holdCommit(changes: readonly Change[], firmness: Firmness): void {
  hold(firmness, 'firmness', FIRMNESS, 'nothing was committed');
  hold(changes, 'changes', STORE_CHANGES, 'nothing was committed');
}
