// What a call into the core costs: `node bench.js`, after `cargo xtask wasm` and `cargo xtask package`.

import { load } from './dist/index.js';
import { OutputKind, Start, WriteKind } from './pkg/host_wasm.js';

await load();
let now = 1;
let answered = 0;
/** Calls made, getters among them. */
let calls = 0;

/** A node on a disk that has everything at once. */
class Bench {
  constructor(id, voters) {
    const start = new Start(id, BigInt(id), BigInt(id));
    for (const voter of voters) start.voter(voter, 0n);
    start.timing(1e6, 2e6, 50_000);
    this.id = id;
    this.node = start.run(now, BigInt(id));
    this.sent = [];
  }

  /** Does everything it asks for. */
  settle() {
    const { node } = this;
    for (let kind = node.poll(); kind !== OutputKind.Nothing; kind = node.poll()) {
      calls += 1;
      if (kind === OutputKind.Send) {
        calls += 1;
        this.sent.push(node.takeBytes());
      }
      if (kind !== OutputKind.Write) continue;
      calls += 3;
      if (node.writeKind === WriteKind.Record) {
        calls += 1;
        node.takeBytes();
      }
      node.synced(now, node.token);
    }
    while (node.pollAnswer()) {
      calls += 2;
      answered += node.answerIndex > 0 ? 1 : 0;
    }
    calls += 2;
  }

  /** Hands what it sent to another. */
  deliver(to) {
    for (const bytes of this.sent.splice(0)) {
      calls += 1;
      to.node.handleMessage(now, this.id, bytes);
    }
    to.settle();
  }
}

/** Nanoseconds for each thing that is done, and for each call that this takes: the best of five rounds. */
function timed(name, count, work, things = 1) {
  let best = Infinity;
  calls = 0;
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    for (let i = 0; i < count; i++) work();
    best = Math.min(best, ((performance.now() - began) * 1e6) / count / things);
  }
  const each = calls / (5 * count * things) || 1;
  const columns = [`${best.toFixed(0)} ns`, each.toFixed(1), `${(best / each).toFixed(0)} ns`];
  console.log(name.padEnd(44) + columns.map((column) => column.padStart(11)).join(''));
}

console.log(''.padEnd(44) + ['each', 'calls', 'a call'].map((column) => column.padStart(11)).join(''));
const alone = new Bench(1, [1]);
alone.node.campaign(now);
alone.settle();
const { node } = alone;
timed('a getter (token)', 1e6, () => node.token);
timed('pollTimeout', 1e6, () => node.pollTimeout());
timed('handleTimeout, nothing due', 1e6, () => node.handleTimeout(now));
timed('poll, nothing to do', 1e6, () => node.poll());
const command = new Uint8Array(64);
function propose(times) {
  now += 1;
  for (let i = 0; i < times; i++) {
    calls += 1;
    node.propose(now, 3, 2, 0, 0, command);
  }
  alone.settle();
}
timed('propose 64 B, write, sync, answer', 2e4, () => propose(1));
timed('the same, 32 proposals at a time, for each', 1e3, () => propose(32), 32);

const [leader, follower] = [new Bench(1, [1, 2]), new Bench(2, [1, 2])];
function converse() {
  while (leader.sent.length + follower.sent.length > 0) {
    leader.deliver(follower);
    follower.deliver(leader);
  }
}
leader.node.campaign(now);
leader.settle();
converse();
timed('a heartbeat and its reply, on both', 2e4, () => {
  now += 50_000;
  calls += 1;
  leader.node.handleTimeout(now);
  leader.settle();
  converse();
});
timed('an append of 32 and its reply, for each, on both', 1e3, () => {
  now += 1;
  for (let i = 0; i < 32; i++) {
    calls += 1;
    leader.node.propose(now, 3, 2, 0, 0, command);
  }
  leader.settle();
  converse();
}, 32);
console.log(`${answered} answers`);
