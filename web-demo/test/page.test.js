// The page in Chromium: one browser, a few pages at a time, each with an origin of its own.

import { after, before, describe, it } from 'node:test';

import './page/access.js';
import './page/faults.js';
import './page/members.js';
import './page/settings.js';
import './page/stories.js';
import './page/survival.js';
import './page/truth.js';
import './page/writes.js';

import { start } from './chromium.js';
import { Demo } from './demo.js';
import { TESTS } from './tests.js';

/** A page mostly waits, for its elections and its messages. */
const AT_A_TIME = 4;

const AMONG = { ALONE: 1, OTHERS: AT_A_TIME };

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

for (const [group, concurrency] of Object.entries(AMONG)) {
  describe(`the page in Chromium, ${concurrency} at a time`, { concurrency }, () => {
    for (const test of TESTS.filter(({ among }) => among === group)) it(test.name, () => look(test));
  });
}

async function look({ name, query, run }) {
  const demo = await Demo.open(browser, query);
  try {
    await run(demo, browser);
    demo.check();
  } catch (error) {
    console.log(`# ${name}\n${(await demo.state()).replace(/^/gm, '#   ')}`);
    throw error;
  } finally {
    await demo.close();
  }
}
