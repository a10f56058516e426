// Loading the core: from what, how often, and what is said where it is not there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import type { Loaded, Source } from './load_once.js';

const WASM = new URL('../../pkg/host_wasm_bg.wasm', import.meta.url);

/** What came of loading from these, one after the other, in a thread that has loaded nothing yet. */
async function loadFrom(...sources: Source[]): Promise<Loaded> {
  const worker = new Worker(new URL('./load_once.js', import.meta.url), { workerData: sources });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

const server = createServer((request, response) => {
  if (request.url === '/core.wasm') void readFile(WASM).then((bytes) => response.end(bytes));
  else if (request.url === '/page') response.end('<!doctype html>');
  else response.writeHead(404).end();
});
let site = '';

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  site = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
});

after(() => {
  server.close();
  server.closeAllConnections();
});

test('it is loaded from nothing, bytes, an address, a file or a module, and runs', async () => {
  const bytes = await readFile(WASM);
  const view = new Uint8Array(bytes);
  const sources: Source[] = [
    { of: 'NOTHING' },
    { of: 'GIVEN', it: view },
    { of: 'GIVEN', it: view.buffer },
    { of: 'GIVEN', it: `${site}/core.wasm` },
    { of: 'URL', it: `${site}/core.wasm` },
    { of: 'URL', it: WASM.href },
    { of: 'GIVEN', it: await WebAssembly.compile(bytes) },
  ];
  for (const source of sources) {
    assert.deepEqual(await loadFrom(source), { said: ['loaded'], presets: 'SYNC', modules: 1 }, JSON.stringify(source).slice(0, 60));
  }
});

test('it is loaded once: who loads again has the same module, whatever the source', async () => {
  const again = await loadFrom({ of: 'NOTHING' }, { of: 'GIVEN', it: `${site}/nothing` }, { of: 'NOTHING' });
  assert.deepEqual(again, { said: ['loaded', 'loaded', 'loaded'], presets: 'SYNC', modules: 1 });
});

test('what cannot be loaded is said in words, and the next may try again', async () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const { said, presets } = await loadFrom(
    { of: 'GIVEN', it: `${site}/nothing` },
    { of: 'GIVEN', it: `${site}/page` },
    { of: 'GIVEN', it: 'http://127.0.0.1:1/' },
    { of: 'GIVEN', it: new Uint8Array(8) },
    { of: 'GIVEN', it: empty },
    { of: 'NOTHING' },
  );
  const says = [
    /^the core was not loaded: .*\/nothing cannot be read; give `load` the right address, the bytes, or nothing \(it is answered with 404\)$/,
    /^the core was not loaded: .*\/page is no WebAssembly/,
    /^the core was not loaded: http:\/\/127.0.0.1:1\/ cannot be read; give `load`/,
    /^the core was not loaded: what `load` was given is no WebAssembly/,
    /^the core was not loaded: this is not the core of this version of kraft/,
    /^loaded$/,
  ];
  assert.equal(said.length, says.length);
  for (const [place, pattern] of says.entries()) assert.match(said[place] ?? '', pattern);
  assert.equal(presets, 'SYNC');
});

test('what needs the core says so before it is loaded, and what to do', async () => {
  const { said } = await loadFrom({ of: 'USE' });
  assert.deepEqual(said, [
    'Refused NOT_LOADED: no node was started: the core is not loaded: `await load()` first, in every Worker',
    'Refused NOT_LOADED: there are no such zones: the core is not loaded: `await load()` first, in every Worker',
    'Refused NOT_LOADED: there are no presets: the core is not loaded: `await load()` first, in every Worker',
    'Refused NOT_LOADED: no entry was read: the core is not loaded: `await load()` first, in every Worker',
  ]);
});
