// A thread that has loaded nothing yet, for `load.test.ts`.

import { parentPort, workerData } from 'node:worker_threads';

import { entriesOf, Host, Hub, load, MemoryDisk, presetOf, Refused, Zones } from '../index.js';
import { Journal } from './journal.js';

/** What to load from; `USE` uses what needs it. */
export type Source =
  | { readonly of: 'NOTHING' }
  | { readonly of: 'USE' }
  | { readonly of: 'GIVEN'; readonly it: ArrayBuffer | Uint8Array<ArrayBuffer> | string | WebAssembly.Module }
  | { readonly of: 'URL'; readonly it: string };

/** What came of it. */
export interface Loaded {
  readonly said: readonly string[];
  /** The mode of the default preset, if that can be told by now. */
  readonly presets: string;
  /** How many different modules there were. */
  readonly modules: number;
}

const USES = [
  () => {
    const given = { cluster: 'x', node: 1, voters: [1], storage: new MemoryDisk().attach(), channel: new Hub().join(1) };
    return Host.start({ ...given, machine: new Journal() });
  },
  () => new Zones([]),
  () => presetOf('balanced'),
  () => entriesOf(new Uint8Array(1)),
];

const said: string[] = [];
const modules = new Set<unknown>();

async function attempt(work: () => unknown): Promise<void> {
  try {
    modules.add(await work());
    said.push('loaded');
  } catch (error) {
    said.push(error instanceof Refused ? `${error.name} ${error.why}: ${error.message}` : (error as Error).message);
  }
}

for (const source of workerData as Source[]) {
  if (source.of === 'USE') for (const use of USES) await attempt(use);
  else if (source.of === 'NOTHING') await attempt(() => load());
  else await attempt(() => load(source.of === 'URL' ? new URL(source.it) : source.it));
}
let presets = '';
try {
  presets = presetOf('balanced').mode;
} catch {
  // Nothing is loaded.
}
parentPort?.postMessage({ said, presets, modules: modules.size } satisfies Loaded);
