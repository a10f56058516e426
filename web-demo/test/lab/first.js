// The first ten seconds: what a person sees who does nothing.

import assert from 'node:assert/strict';

import { inLab } from '../tests.js';

inLab('the whole story is on the tape before it plays; it slows at the bolt, stops at the verdict, and says the one thing to do', async (lab) => {
  const began = performance.now();
  assert.deepEqual((await lab.lost()).map((lost) => lost > 0), [true, true, true, false], 'only SYNC · COMMIT keeps all');
  const hint = lab.page.locator('.drag-hint');
  assert(await hint.isHidden());
  // It goes slowly past the bolt.
  await lab.page.waitForFunction(() => document.querySelector('.speed output').textContent === '0.07×');
  await lab.page.locator('#caption[data-tone="FAULT"]', { hasText: 'The power of all three fails' }).waitFor();
  await lab.page.locator('#caption[data-tone="LOST"]').waitFor();
  await lab.page.locator('[data-action="play"][data-motion="STILL"]').waitFor();
  await hint.waitFor();
  assert.equal(await hint.innerText(), 'Drag the ⚡');
  const seconds = (performance.now() - began) / 1000;
  const [lost] = /(\d+) acknowledged writes are lost/.exec(await lab.caption())?.slice(1) ?? [];
  assert.equal(Number(lost), (await lab.lost())[2], 'the sentence at the end counts what the lane counts');
  console.log(`# the first telling took ${seconds.toFixed(1)} s`);
  assert(seconds < 30, `${seconds} s`);
}, { motion: 'no-preference' });

inLab('with reduced motion nothing moves by itself: it waits at the moment before the bolt', async (lab) => {
  const before = await lab.clock();
  assert(before > 4.8 && before < 4.9, `${before} s`);
  await lab.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal(await lab.clock(), before);
  assert.equal(await lab.page.locator('[data-action="play"]').getAttribute('data-motion'), 'STILL');
});

inLab('the power takes what only systems had, and what disks have stays', async (lab) => {
  const chips = () => lab.page.evaluate(() => [...document.querySelectorAll('#logs td[class*="depth-"]')].map(({ className }) => /depth-(\w+)/.exec(className)[1]));
  const last = (depth) => lab.page.evaluate((depth) => Math.max(...[...document.querySelectorAll(`#logs td.depth-${depth}`)].map((cell) => Number(document.querySelectorAll('#logs tr')[0].cells[cell.cellIndex].textContent))), depth);
  // The table is drawn once its world has told it what is at this moment.
  await lab.page.waitForFunction(() => document.querySelectorAll('#logs td.depth-written').length > 10);
  const [written, synced] = [await last('written'), await last('synced')];
  await lab.act('on').click();
  await lab.page.waitForFunction(() => document.querySelectorAll('#stage .life-dark').length === 3);
  await lab.page.waitForFunction(() => document.querySelector('#logs td.depth-written, #logs td.depth-accepted') === null);
  assert((await chips()).length > 10, 'the table is not empty');
  console.log(`# before the bolt index ${written} was written and ${synced} synced; after it the last is ${await last('synced')}`);
  assert(written > synced);
  assert.equal(await last('synced'), synced);
});

inLab('?embed shows the stage and the tape, and nothing else', async (lab) => {
  for (const part of ['header', 'aside', '#befall', '.legend']) assert(await lab.page.locator(part).first().isHidden(), part);
  for (const part of ['#stage', '#tape', '#caption']) assert(await lab.page.locator(part).isVisible(), part);
}, { query: '?embed' });
