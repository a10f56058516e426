// The page in Firefox, over WebDriver BiDi: a story of the live cluster and a reload, and the lab.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchFirefox, newProfile, removeProfile } from '../../host-wasm/dist/test/browser/launch.js';
import { serve } from './server.js';

const WAIT = { timeout: 40_000 };

let profile;
let firefox;
let server;
let page;

before(async () => {
  server = await serve();
  profile = await newProfile();
  firefox = await launchFirefox(profile);
  page = await firefox.newPage();
  await page.goto(`${server.address}live.html?pace=quick`);
  await page.waitForSelector('article[data-role="leader"]', WAIT);
});

after(async () => {
  await firefox?.close();
  server?.close();
  if (profile !== undefined) await removeProfile(profile);
});

/** Waits until so many are shown. The page's policy lets no driver compile a condition of its own there. */
async function shown(what, count) {
  const until = Date.now() + WAIT.timeout;
  for (let found; (found = (await page.$$(what)).length) !== count; ) {
    assert(Date.now() < until, `${found} of ${count} are shown: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const press = (what) => page.$eval(what, (button) => button.click());

test('Firefox: the story leader-crash comes out as told', async () => {
  await press('#story [data-action="leader-crash"]');
  await press('#story [data-action="play"]');
  await page.waitForSelector('.outcome:is([data-outcome="AS_TOLD"], [data-outcome="NOT_AS_TOLD"])', WAIT);
  const said = await page.$eval('.outcome', (outcome) => outcome.textContent);
  assert.match(said, /^✔ As told: entry 3 was acknowledged and is lost/);
});

test('Firefox: a reload finds the cluster where it was', async () => {
  const last = () => page.$$eval('article .log li', (cells) => Math.max(...cells.map(({ dataset }) => Number(dataset.index))));
  const before = await last();
  await page.reload();
  await page.waitForSelector('article[data-role="leader"]', WAIT);
  await shown('.log li[title*="entry 2"]', 3);
  const { length } = await page.$$('.log li[title*="entry 3"]');
  assert.equal(length, 0, 'what was lost stays lost');
  assert((await last()) >= before, 'the log is as long as it was');
});

test('Firefox: the lab tells four worlds, the bolt goes by keys, and every world counts again', async () => {
  const lab = await firefox.newPage();
  await lab.goto(server.address);
  await lab.waitForSelector('.lane:nth-of-type(4) .lane-result[data-verdict], .lane-result[data-verdict="KEPT"]', WAIT);
  const results = () => lab.$$eval('.lane-result', (all) => all.map(({ textContent }) => textContent));
  const before = await results();
  assert.equal(before.length, 4);
  assert.match(before[2], /✕ \d+ of \d+ lost/);
  assert.match(before[3], /✓ all \d+ kept/);
  await lab.focus('.grip-fault');
  const until = Date.now() + WAIT.timeout;
  let after = before;
  for (let press = 0; after.join() === before.join() || !/kept/.test(after[3]); press++) {
    assert(Date.now() < until && press < 40, `${after}`);
    await lab.keyboard.press('ArrowLeft');
    await new Promise((resolve) => setTimeout(resolve, 100));
    after = await results();
  }
  console.log(`# before: ${before}; after: ${after}`);
  await lab.close();
});
