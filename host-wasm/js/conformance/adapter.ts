// What the suite needs of a store: a disk that outlives it, and that can be crashed.

import type { Survivors } from '../memory.js';
import type { Storage } from '../store.js';

/** How a life ends. */
export type Crash =
  /** The process dies: what was reported as written lives. */
  | { readonly kind: 'PROCESS' }
  /** The power goes: what was reported as synced lives, of the rest perhaps the older part. */
  | { readonly kind: 'POWER'; readonly survivors: Survivors };

/** What `crash` can do of a power cut. */
export type PowerCuts =
  /** It leaves exactly as many of the unsynced commits as it is told, which is checked, too. */
  | 'EXACT'
  /** It may leave more, as a real disk does. */
  | 'SIMULATED'
  /** Nothing: only what a killed process may lose is checked. */
  | 'NOT_SIMULATED';

/** A store on a disk of its own. */
export interface Adapter {
  readonly powerCuts: PowerCuts;
  /** A store on this disk: a new life. The one before has crashed, or was never there. */
  attach(): Storage;
  /** Ends the life, whatever it was doing. */
  crash(crash: Crash): Promise<void>;
}
