// The same run has the same hashes natively and here: `node parity.mjs FILE`, where FILE is what
// `sim marks` printed. Prints what it compared as JSON; anything that differs is named and fails.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { World, initSync } from './pkg/world.js';

/** The hash at each mark: after every `everyUs` of the storm, and at rest. */
function marksOf(run, everyUs) {
  const world = new World(run);
  const marks = [];
  for (let at = everyUs; at < world.stormUs; at += everyUs) {
    world.playUntil(at);
    marks.push(world.hash());
  }
  world.finish();
  marks.push(world.hash());
  const { events } = world;
  world.free();
  return { marks, events };
}

/** How long the run takes without marks, in microseconds of this machine. */
function playUs(run) {
  const began = performance.now();
  const world = new World(run);
  world.finish();
  world.free();
  return (performance.now() - began) * 1000;
}

/** What is different in a line, if anything is. */
function difference(line, here) {
  const there = line.marks;
  const place = there.findIndex((mark, i) => mark !== here.marks[i]);
  if (place >= 0) {
    const when = place + 1 < there.length ? `${((place + 1) * line.every_us) / 1e6} s` : 'rest';
    return `seed ${line.seed}: at ${when} the state is ${there[place]} natively, ${here.marks[place]} here`;
  }
  if (there.length !== here.marks.length || line.events !== here.events) {
    return `seed ${line.seed}: ${there.length} marks and ${line.events} events natively, ${here.marks.length} and ${here.events} here`;
  }
  return undefined;
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node parity.mjs FILE');
  process.exit(2);
}
initSync({ module: await readFile(new URL('./pkg/world_bg.wasm', import.meta.url)) });

const compared = { runs: 0, states: 0, events: 0, native_us: 0, wasm_us: 0 };
const different = [];
for await (const text of createInterface({ input: createReadStream(file) })) {
  const line = JSON.parse(text);
  compared.native_us += line.play_us;
  compared.wasm_us += Math.round(playUs(line.run));
  const here = marksOf(line.run, line.every_us);
  const found = difference(line, here);
  if (found !== undefined) different.push(found);
  compared.runs += 1;
  compared.states += here.marks.length;
  compared.events += here.events;
}
console.log(JSON.stringify(compared));
for (const line of different) console.error(line);
process.exit(different.length === 0 ? 0 : 1);
