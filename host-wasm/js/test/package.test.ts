// The package as it is packed: what is inside, that its types need no mercy, and that the README runs as it is printed.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Packed } from './packed.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

let packed: Packed;
let home: string;

before(async () => {
  packed = await Packed.make();
  home = join(packed.folder, 'node_modules', 'kraft-host-wasm');
});

after(async () => {
  await packed?.remove();
});

test('the tarball has the program, its types, its source and its licences, and nothing else', async () => {
  const allowed = [
    /^(package\.json|README\.md|example\.js|LICENSE-MIT|LICENSE-APACHE)$/,
    /^dist\/(checks\/|conformance\/)?\w+\.(js|d\.ts)$/,
    /^js\/(checks\/|conformance\/)?\w+\.ts$/,
    /^pkg\/host_wasm(_text)?\.(js|d\.ts)$/,
    /^pkg\/host_wasm_bg\.wasm(\.d\.ts)?$/,
  ];
  assert.deepEqual(packed.files.filter((file) => !allowed.some((pattern) => pattern.test(file))), []);
  for (const needed of ['LICENSE-MIT', 'LICENSE-APACHE', 'dist/index.js', 'dist/index.d.ts', 'pkg/host_wasm_bg.wasm']) {
    assert(packed.files.includes(needed), `${needed} is missing`);
  }
  for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) {
    assert.equal(await readFile(join(home, licence), 'utf8'), await readFile(join(ROOT, licence), 'utf8'));
  }
  console.log(`exercised ${packed.files.length} files, ${packed.bytes} bytes packed`);
  assert(packed.bytes < 400_000);
});

test('it says where it comes from, that nothing happens by importing it, and every door is there', async () => {
  const about = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(about['license'], 'MIT OR Apache-2.0');
  assert.equal(about['sideEffects'], false);
  const cargo = await readFile(join(ROOT, 'Cargo.toml'), 'utf8');
  const [, repository] = /^repository = "(.*)"$/m.exec(cargo) ?? [];
  assert.deepEqual(about['repository'], { type: 'git', url: `git+${repository}.git`, directory: 'host-wasm' });
  const doors = Object.values(about['exports'] as Record<string, string | Record<string, string>>);
  const files = doors.flatMap((door) => (typeof door === 'string' ? [door] : Object.values(door)));
  for (const file of files) assert(packed.files.includes(file.replace('./', '')), `${file} is not there`);
});

const PROGRAM = `
import { atLeader, type Answer, Host, Hub, IndexedDbStorage, load, PortChannel, whenEnded } from 'kraft-host-wasm';
import { check, type Adapter } from 'kraft-host-wasm/conformance';
import { Node, initSync } from 'kraft-host-wasm/core';
export async function main(adapter: Adapter): Promise<Answer> {
  const module: WebAssembly.Module = await load(new URL('https://example.org/core.wasm'));
  initSync({ module });
  await check(() => adapter, { seeds: [0, 1], turns: 1 });
  const machine = { apply: () => undefined, snapshot: () => new Uint8Array(1), restore: () => undefined };
  const channel = new PortChannel([[2, new MessageChannel().port1]]);
  const host = await Host.start({ cluster: 'x', node: 1, voters: [1, 2], storage: new IndexedDbStorage(), channel, machine });
  if (host.life !== undefined) await whenEnded(host.life);
  // @ts-expect-error a string is no command
  await host.propose('hello').catch(() => undefined);
  // @ts-expect-error no such option
  host.read({ term: 1 }).catch(() => undefined);
  return atLeader([host], (each) => each.propose(new Uint8Array(1), { mode: 'AT_LEAST_2' }));
}
export type Core = Node;
export const hub = new Hub();
`;

for (const [how, options] of Object.entries({
  'a bundler': { module: 'ESNext', moduleResolution: 'Bundler' },
  Node: { module: 'NodeNext', moduleResolution: 'NodeNext' },
})) {
  test(`its types pass without skipLibCheck, for ${how}`, async () => {
    await packed.write('program.ts', PROGRAM);
    const compilerOptions = { target: 'ES2022', lib: ['ES2022', 'DOM'], types: [], strict: true, noEmit: true, skipLibCheck: false, ...options };
    await packed.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    assert.equal(await packed.run(process.execPath, TSC, '--project', '.'), '');
  });
}

/** The blocks of JavaScript that the README shows. */
async function blocks(): Promise<string[]> {
  const readme = await readFile(join(home, 'README.md'), 'utf8');
  return [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block = '']) => block);
}

test('the README shows the example as it is, and it runs as printed', async () => {
  const [example = ''] = await blocks();
  assert.equal(example, (await readFile(join(home, 'example.js'), 'utf8')).replace(/^\/\/.*\n\n/, ''));
  await packed.write('readme.js', example);
  const said = (await packed.run(process.execPath, 'readme.js')).trim().split('\n');
  assert.deepEqual(
    said.map((line) => line.replace(/\d+/, 'n')),
    ['LEADER_ONLY: entry n is SYNCED', 'SYNC: entry n is SYNCED', 'ALL: entry n is SYNCED'],
  );
});

/** What the other blocks of the README stand among. */
const AMONG = `
import { MemoryDisk } from 'kraft-host-wasm';
class MyAdapter {
  powerCuts = 'EXACT';
  #disk = new MemoryDisk();
  attach() { return this.#disk.attach(); }
  async crash(crash) { crash.kind === 'PROCESS' ? this.#disk.kill() : this.#disk.cutPower(crash.survivors); }
}
`;

test('the check of a store in the README runs as printed', async () => {
  const block = (await blocks()).find((each) => each.includes('MyAdapter')) ?? '';
  await packed.write('check.js', AMONG + block);
  assert.match(await packed.run(process.execPath, 'check.js'), /scripts: \d+/);
});
