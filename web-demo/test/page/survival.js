// What outlives a reload, and what does not.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

onPage('a reload finds the cluster where it was', async (demo) => {
  await demo.write('over the reload', 'ALL', 'COMMIT');
  await demo.answered();
  const before = await demo.log(await demo.leader());
  await demo.page.reload();
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[title*="over the reload"]').waitFor();
  const after = (await demo.log(leader)).map((cell) => cell.split(' ')[0]);
  assert(after.includes(before.at(-1).split(' ')[0]));
});

onPage('fresh databases begin anew', async (demo) => {
  await demo.write('gone', 'ALL', 'COMMIT');
  await demo.answered();
  await Promise.all([demo.page.waitForEvent('load'), demo.page.click('#fresh')]);
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[data-index="1"]').waitFor();
  assert.equal(await demo.node(leader).locator('.log li[title*="gone"]').count(), 0);
});

onPage('the page works without a network once it was loaded', async (demo) => {
  await demo.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await demo.page.reload();
  await demo.leader();
  demo.server.close();
  await demo.page.reload();
  await demo.leader();
  await demo.write('offline', 'SYNC', 'COMMIT');
  await demo.answered();
});
