// The lab in Chromium: one browser, a page a test.

import { after, before, describe, it } from 'node:test';

import './lab/access.js';
import './lab/explain.js';
import './lab/first.js';
import './lab/share.js';
import './lab/stories.js';
import './lab/tape.js';
import './lab/time.js';

import { start } from './chromium.js';
import { Lab } from './lab.js';
import { LAB_TESTS } from './tests.js';

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

// What watches frames is alone: a browser draws the page in front first.
const AMONG = { ALONE: 1, OTHERS: 2 };

for (const [group, concurrency] of Object.entries(AMONG)) {
  describe(`the lab in Chromium, ${concurrency} at a time`, { concurrency }, () => {
    const of = ({ options }) => (options.motion === 'no-preference' ? 'ALONE' : 'OTHERS');
    for (const { name, options, run } of LAB_TESTS.filter((test) => of(test) === group)) it(name, () => look(name, options, run));
  });
}

async function look(name, options, run) {
  const lab = await Lab.open(browser, options);
  try {
    await run(lab, browser);
    lab.check();
  } catch (error) {
    console.log(`# ${name}: at ${await lab.clock()} s, ${await lab.results()}; “${await lab.caption()}”`);
    throw error;
  } finally {
    await lab.close();
  }
}
