// Zones, presets, questions, and the sizes of a cluster.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

onPage('a write without a class takes its key’s zone’s, then the preset’s', async (demo) => {
  const newest = demo.page.locator('#writes li').first().locator('.class');
  const asked = async (key) => {
    await demo.write(key, '', '');
    return newest.innerText();
  };
  assert.equal(await asked('session:1'), 'LEADER_ONLY · NONE');
  assert.equal(await asked('nowhere'), 'SYNC · COMMIT');
  const presets = { financial: 'ALL · ALWAYS', balanced: 'SYNC · COMMIT', low_latency: 'LEADER_ONLY · BATCH', max_throughput: 'ASYNC · BATCH' };
  for (const [name, says] of Object.entries(presets)) {
    await demo.page.click(`#presets [data-action="${name}"]`);
    assert.equal(await demo.page.innerText('#default'), says);
    assert.equal(await asked(`with ${name}`), says);
  }
  await demo.page.fill('#zones', 'log:?? AT_LEAST_2 NONE');
  assert.equal(await asked('log:12'), 'AT_LEAST_2 · NONE');
  assert.equal(await asked('log:123'), 'ASYNC · BATCH');
  await demo.page.fill('#zones', 'log:* SOMETIMES NONE');
  assert.match(await demo.page.innerText('#zones-said'), /not in force.*SOMETIMES/);
  assert.equal(await asked('log:34'), 'AT_LEAST_2 · NONE');
});

onPage('a floor refuses what asks for less, and a part that is left open is the default’s', async (demo) => {
  await demo.page.fill('#zones', 'account:* SYNC COMMIT floor\nlog:* - NONE');
  assert.equal(await demo.page.innerText('#zones-said'), '2 zones in force');
  await demo.write('account:1', 'LEADER_ONLY', '');
  assert.match(await demo.answered('REFUSED'), /^refused: LEADER_ONLY is weaker than SYNC, the floor of zone 1$/);
  await demo.write('account:1', 'ALL', '');
  assert.match(await demo.answered(), /^ALL: synced by 3 of 3/);
  await demo.write('log:1', '', '');
  assert.equal(await demo.page.locator('#writes li').first().locator('.class').innerText(), 'SYNC · NONE');
  await demo.page.fill('#zones', 'account:* SYNC COMMIT ceiling');
  assert.match(await demo.page.innerText('#zones-said'), /not in force.*then "floor", or no more/);
});

onPage('the questions end in each preset', async (demo) => {
  const ends = [];
  for (const answers of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    for (const answer of answers) await demo.page.locator('#guide button').nth(answer).click();
    ends.push([await demo.page.locator('#guide p').getAttribute('data-preset'), await demo.page.innerText('#default')]);
    await demo.page.click('#guide [data-action="again"]');
  }
  assert.deepEqual(ends, [
    ['financial', 'ALL · ALWAYS'],
    ['balanced', 'SYNC · COMMIT'],
    ['low_latency', 'LEADER_ONLY · BATCH'],
    ['max_throughput', 'ASYNC · BATCH'],
  ]);
});

for (const size of [4, 5, 6, 7]) {
  onPage(`${size} nodes elect and answer, and nothing is wider than a phone`, async (demo) => {
    await demo.page.setViewportSize({ width: 390, height: 844 });
    await Promise.all([demo.page.waitForEvent('load'), demo.page.selectOption('#size', String(size))]);
    await demo.leader();
    assert.equal(await demo.page.locator('article').count(), size);
    await demo.write('wide', 'SYNC', 'COMMIT');
    assert.match(await demo.answered(), new RegExp(`^SYNC: synced by ${Math.floor(size / 2) + 1} of ${size}`));
    assert.equal(await demo.page.evaluate(() => document.documentElement.scrollWidth), 390);
  });
}
