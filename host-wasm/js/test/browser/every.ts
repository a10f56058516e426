// What holds in every browser: IndexedDB keeps the rules, and nodes outlive what tabs go through.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Browser } from './tab.js';
import { assertHas, putAll } from './told.js';

/** How much of it a browser is given to do. */
export interface Effort {
  /** Before the name of each test, where another browser has it, too. */
  readonly called?: string;
  readonly seeds: number;
  readonly turns: number;
  /** How often the Workers are terminated. */
  readonly terminations: number;
}

/** The tests of one browser, which is there by the time that they run. */
export function everyBrowser(browser: () => Browser, { called = '', seeds, turns, terminations }: Effort): void {
  test(`${called}IndexedDB keeps every rule that a killed process may break`, async () => {
    const tab = await browser().newTab();
    const exercised = await tab.run('conformance', seeds, turns);
    console.log(`exercised ${JSON.stringify(exercised)}`);
    assert(exercised.commits > 100 && exercised.crashes.process > 80);
    await tab.close();
  });

  test(`${called}synced is a strict transaction that has completed, written a relaxed one`, async () => {
    const tab = await browser().newTab();
    assert.deepEqual(await tab.run('durability'), {
      open: { durability: 'strict', completed: 'YES' },
      written: { durability: 'relaxed', completed: 'YES' },
      synced: { durability: 'strict', completed: 'YES' },
      force: { durability: 'strict', completed: 'YES' },
    });
    await tab.close();
  });

  test(`${called}nodes in Workers go on where they were after a reload`, async () => {
    const tab = await browser().newTab();
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

  test(`${called}a Worker that dies without a word is noticed, and nobody else's`, async () => {
    const tab = await browser().newTab();
    await tab.run('start', 'silent');
    assert.deepEqual(await tab.run('silentDeath', 'silent'), { before: [], after: [2] });
    await tab.run('terminate', 'silent');
    await tab.close();
  });

  test(`${called}nodes whose Workers are terminated go on where they were`, async () => {
    const tab = await browser().newTab();
    await tab.run('start', 'terminate');
    const told: string[] = [];
    for (let round = 0; round < terminations; round++) {
      told.push(...(await putAll(tab, 'terminate', round * 5, 5)));
      await tab.run('terminate', 'terminate');
      await tab.run('start', 'terminate');
      await assertHas(tab, 'terminate', told);
    }
    await tab.run('stop', 'terminate');
    await tab.close();
  });
}
