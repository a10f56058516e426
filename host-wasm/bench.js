// What a call into the core costs: `node bench.js`, after `cargo xtask wasm` and `cargo xtask package`.

import { load } from './dist/index.js';
import { OutputKind, Start, WriteKind } from './pkg/host_wasm.js';

await load();
const start = new Start(1, 1n, 1n);
start.voter(1, 0n);
const node = start.run(0);
let now = 1;

/** Everything is on the disk at once. */
function settle() {
  for (let kind = node.poll(); kind !== OutputKind.Nothing; kind = node.poll()) {
    if (kind !== OutputKind.Write) continue;
    if (node.writeKind === WriteKind.Record) node.takeBytes();
    node.synced(now, node.token);
  }
  while (node.pollAnswer()) answered += node.answerIndex > 0 ? 1 : 0;
}

let answered = 0;
node.campaign(now);
settle();

/** Nanoseconds for each thing that a call does, the best of five rounds. */
function timed(name, count, work, things = 1) {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    for (let i = 0; i < count; i++) work();
    best = Math.min(best, ((performance.now() - began) * 1e6) / count / things);
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(8)} ns`);
}

const command = new Uint8Array(64);
timed('a getter (token)', 1e6, () => node.token);
timed('pollTimeout', 1e6, () => node.pollTimeout());
timed('handleTimeout, nothing due', 1e6, () => node.handleTimeout(now));
timed('poll, nothing to do', 1e6, () => node.poll());
timed('propose 64 B, write, sync, answer', 2e4, () => {
  now += 1;
  node.propose(now, 3, 2, 0, 0, command);
  settle();
});
timed('the same, 32 proposals at a time, for each', 1e3, () => {
  now += 1;
  for (let i = 0; i < 32; i++) node.propose(now, 3, 2, 0, 0, command);
  settle();
}, 32);
console.log(`${answered} answers`);
