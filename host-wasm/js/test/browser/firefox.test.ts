// The package in Firefox: IndexedDB held to the rules, and nodes that outlive a reload.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Firefox } from './firefox.js';
import { assertHas, putAll } from './told.js';

let firefox: Firefox;

before(async () => {
  firefox = await Firefox.start();
});

after(async () => {
  await firefox?.close();
});

test('Firefox: IndexedDB keeps every rule that a killed process may break', async () => {
  const tab = await firefox.newTab();
  const exercised = await tab.run('conformance', 4, 0);
  console.log(`exercised ${JSON.stringify(exercised)}`);
  assert(exercised.commits > 100 && exercised.crashes.process > 80);
  await tab.close();
});

test('Firefox: synced is a strict transaction that has completed, written a relaxed one', async () => {
  const tab = await firefox.newTab();
  assert.deepEqual(await tab.run('durability'), {
    open: { durability: 'strict', completed: 'YES' },
    written: { durability: 'relaxed', completed: 'YES' },
    synced: { durability: 'strict', completed: 'YES' },
    force: { durability: 'strict', completed: 'YES' },
  });
  await tab.close();
});

test('Firefox: nodes in Workers go on where they were after a reload', async () => {
  const tab = await firefox.newTab();
  await tab.run('start', 'reload');
  const told = await putAll(tab, 'reload', 0, 10);
  await tab.load();
  await tab.run('start', 'reload');
  await assertHas(tab, 'reload', told);
  told.push(...(await putAll(tab, 'reload', 10, 5)));
  await assertHas(tab, 'reload', told);
  await tab.run('stop', 'reload');
  await tab.close();
});

test('Firefox: nodes whose Workers are terminated go on where they were', async () => {
  const tab = await firefox.newTab();
  await tab.run('start', 'terminate');
  const told = await putAll(tab, 'terminate', 0, 5);
  await tab.run('terminate', 'terminate');
  await tab.run('start', 'terminate');
  await assertHas(tab, 'terminate', told);
  await tab.run('stop', 'terminate');
  await tab.close();
});
