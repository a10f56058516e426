// A page's program over the package, for bundlers: the README's example as it is printed, and a node in a Worker, which
// ends without a word.

import { readFileSync } from 'node:fs';

import { type Program, WORKER } from './bundlers.js';

const EXAMPLE = readFileSync(new URL('../../example.js', import.meta.url), 'utf8');

const main = `${EXAMPLE}
import { whenEnded } from 'kraft-host-wasm';

const worker = ${WORKER};
worker.onerror = (event) => console.log(\`the Worker failed: \${event.message}\`);
worker.onmessage = ({ data: { said, life } }) => {
  console.log(said);
  whenEnded(life).then(() => console.log('the Worker is gone'));
  worker.postMessage('end');
};
`;

const worker = `import { atLeader, Host, Hub, IndexedDbStorage, load } from 'kraft-host-wasm';

async function run() {
  await load();
  const machine = { apply() {}, snapshot: () => new Uint8Array(1), restore() {} };
  const given = { cluster: 'bundled', node: 1, voters: [1], storage: new IndexedDbStorage(), channel: new Hub().join(1), machine };
  const host = await Host.start(given);
  const { held } = await atLeader([host], () => host.propose(new Uint8Array(1)));
  postMessage({ said: \`in a Worker: \${held}\`, life: host.life });
}
onmessage = () => close();
run().catch((error) => postMessage({ said: String(error), life: 'kraft-life/none' }));
`;

export const PROGRAM: Program = { main, worker };

/** What it says, whatever the index. */
export const SAYS = [
  'LEADER_ONLY: entry n is SYNCED',
  'SYNC: entry n is SYNCED',
  'ALL: entry n is SYNCED',
  'in a Worker: SYNCED',
  'the Worker is gone',
];
