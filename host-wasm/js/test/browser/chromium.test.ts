// The package in Chromium: what holds in every browser, and what only its driver can do to a page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chromium } from './chromium.js';
import { BUNDLERS } from '../bundlers.js';
import { Packed } from '../packed.js';
import { PROGRAM, SAYS } from '../program.js';
import { everyBrowser } from './every.js';
import { Site } from './site.js';
import { assertHas, putAll } from './told.js';

let chromium: Chromium;

before(async () => {
  chromium = await Chromium.start();
});

after(async () => {
  await chromium?.close();
});

everyBrowser(() => chromium, { seeds: 8, turns: 1, terminations: 3 });

test('what was forced outlives a power cut that is simulated over IndexedDB', async () => {
  const tab = await chromium.newTab();
  const exercised = await tab.run('powerConformance', 8);
  console.log(`exercised ${JSON.stringify(exercised)}`);
  assert(exercised.crashes.power > 100);
  await tab.close();
});

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  test(`the example of the README, and a node in a Worker, run over IndexedDB as ${name} bundles them`, async () => {
    const packed = await Packed.make();
    const { folder } = await bundle(packed, PROGRAM);
    const site = await Site.start(folder);
    const said = await chromium.saidAt(site.address, SAYS.at(-1) ?? '');
    assert.deepEqual(said.map((line) => line.replace(/\d+/, 'n')), SAYS);
    site.close();
    await packed.remove();
  });
}

test('over plain http from anywhere but localhost a store says that it cannot be, and what to do', async () => {
  const tab = await chromium.newPlainTab();
  const { open, watch } = await tab.run('unavailable');
  for (const said of [open, watch]) {
    assert.match(said, /^StorageError unavailable: .*web locks are missing: serve the page over https, or from localhost/);
  }
  await tab.close();
});

test('nodes of a killed renderer, and of a closed tab, go on in another', async () => {
  let tab = await chromium.newTab();
  await tab.run('start', 'killed');
  const told = await putAll(tab, 'killed', 0, 10);
  await tab.crash();
  tab = await chromium.newTab();
  await tab.run('start', 'killed');
  await assertHas(tab, 'killed', told);
  await tab.close();
  tab = await chromium.newTab();
  await tab.run('start', 'killed');
  await assertHas(tab, 'killed', told);
  await tab.run('stop', 'killed');
  await tab.close();
});

test('nodes go on where they were when the whole browser was closed', async () => {
  let tab = await chromium.newTab();
  await tab.run('start', 'restarted');
  const told = await putAll(tab, 'restarted', 0, 10);
  await chromium.restart();
  tab = await chromium.newTab();
  await tab.run('start', 'restarted');
  await assertHas(tab, 'restarted', told);
  await tab.run('stop', 'restarted');
  await tab.close();
});

test('after a clean stop nobody is suspect, whatever was only written before', async () => {
  const tab = await chromium.newTab();
  await tab.run('start', 'suspect');
  await tab.run('put', 'suspect', 'relied on', 'ALL', 'NONE');
  await tab.run('stop', 'suspect');
  await tab.run('start', 'suspect');
  assert.deepEqual(await tab.run('trust', 'suspect'), ['CLEAN', 'CLEAN', 'CLEAN']);
  await tab.run('stop', 'suspect');
  await tab.close();
});

test('a database is one node at a time, and a lost one is not an empty log', async () => {
  const tab = await chromium.newTab();
  const made = await tab.run('open', 'lost');
  assert.equal(made.age, 'new');
  const again = await tab.run('open', 'lost', made.store);
  assert.deepEqual(again, { age: 'old', store: made.store });
  await tab.run('remove', 'lost');
  assert.deepEqual(await tab.run('open', 'lost', made.store), { refused: 'lost' });
  await tab.run('start', 'held');
  const other = await chromium.newTab();
  assert.deepEqual(await other.run('open', 'held'), { refused: 'blocked' });
  await tab.run('stop', 'held');
  assert.equal((await other.run('open', 'held')).age, 'old');
  await other.close();
  await tab.close();
});

test('a node whose database is removed ends, and says why', async () => {
  const tab = await chromium.newTab();
  assert.equal(await tab.run('removedUnderANode'), 'ended');
  await tab.close();
});

test('a node that runs out of room ends, and what it had acknowledged is there', async () => {
  const tab = await chromium.newTab();
  await tab.limit(4_000_000);
  const { acked, ended } = await tab.run('fill', 'full');
  assert.equal(ended, 'full');
  assert(acked > 0);
  await tab.limit();
  assert(await tab.run('refilled', 'full') >= acked);
  console.log(`exercised ${acked} writes before the room was used up`);
  await tab.close();
});

test('acknowledgements and entries a second beside bare transactions, in one page', async () => {
  const tab = await chromium.newTab();
  const times = await tab.run('latency', 40);
  console.log(`milliseconds ${JSON.stringify(times)}`);
  const { alone, together } = await tab.run('throughput', 5);
  console.log(`entries a second, 32 clients: one node ${JSON.stringify(alone)}, three in a page ${JSON.stringify(together)}`);
  assert(alone.perSecond > 0 && together.perSecond > 0);
  assert(alone.entriesPerTransaction > 16, 'a node gathers what clients ask together');
  await tab.close();
});
