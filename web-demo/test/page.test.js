// The page in Chromium: one browser, a few pages at a time, each with an origin of its own.

import { after, before, describe, it } from 'node:test';

import './page/access.js';
import './page/faults.js';
import './page/settings.js';
import './page/stories.js';
import './page/survival.js';
import './page/writes.js';

import { start } from './chromium.js';
import { Demo } from './demo.js';
import { TESTS } from './tests.js';

/** A page mostly waits, for its elections and its messages. */
const AT_A_TIME = 4;

describe('the page in Chromium', { concurrency: AT_A_TIME }, () => {
  let browser;
  before(async () => {
    browser = await start();
  });
  after(() => browser?.close());

  for (const { name, query, run } of TESTS) {
    it(name, async () => {
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
    });
  }
});
