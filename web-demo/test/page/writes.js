// What is written, and what is shown of it.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

onPage('each mode is answered with what its copies are', async (demo) => {
  const said = [];
  const classes = [['ASYNC', 'BATCH'], ['LEADER_ONLY', 'NONE'], ['AT_LEAST_2', 'NONE'], ['SYNC', 'COMMIT'], ['ALL', 'ALWAYS']];
  for (const [mode, fsync] of classes) {
    await demo.write('any', mode, fsync);
    said.push((await demo.answered()).replace(/ after .*/, ''));
    await demo.fate('COMMITTED');
  }
  assert.deepEqual(said, [
    'ASYNC: accepted by the leader, in memory only',
    'LEADER_ONLY: written by 1 of 3',
    'AT_LEAST_2: written by 2 of 3',
    'SYNC: synced by 2 of 3',
    'ALL: synced by 3 of 3',
  ]);
});

onPage('a class at one touch is what the next write asks for', async (demo) => {
  const buttons = demo.page.locator('#classes button');
  assert.equal(await buttons.count(), 5);
  for (const [name, asked] of [['ALL.COMMIT', 'ALL · COMMIT'], ['SYNC.NONE', 'SYNC · NONE']]) {
    await demo.page.click(`#classes [data-class="${name}"]`);
    const pressed = demo.page.locator('#classes [aria-pressed="true"]');
    assert.equal(await pressed.getAttribute('data-class'), name);
    await demo.page.fill('#key', 'touched');
    await demo.page.click('#write button[type="submit"]');
    await demo.page.waitForFunction((said) => document.querySelector('#writes li .class')?.textContent === said, asked);
  }
  // A class that none of them is, by the lists.
  await demo.page.selectOption('#mode', 'AT_LEAST_2');
  assert.equal(await demo.page.locator('#classes [aria-pressed="true"]').count(), 0);
});

onPage('messages under way have the colour of their strongest mode', async (demo) => {
  // Watched from within: a message is gone before a look from outside is sure to find it.
  await demo.page.evaluate(() => {
    globalThis.seen = new Set();
    const note = (changes) => changes.forEach(({ target }) => globalThis.seen.add(target.getAttribute('class')));
    new MutationObserver(note).observe(document.getElementById('stage'), { subtree: true, attributeFilter: ['class'] });
  });
  for (const [mode, colour] of Object.entries({ LEADER_ONLY: 'leader_only', AT_LEAST_2: 'at_least', SYNC: 'sync', ALL: 'all' })) {
    await demo.write('coloured', mode, 'COMMIT');
    await demo.page.waitForFunction((name) => globalThis.seen.has(name), `flight append mode-${colour}`);
    await demo.fate('COMMITTED');
  }
}, { pace: 'watch' }, 'ALONE');

onPage('a burst is twenty writes, and a steady load goes on until it is stopped', async (demo) => {
  await demo.page.click('#burst');
  await demo.answered();
  assert.equal(await demo.newest(), 20);
  await demo.page.click('#load');
  await demo.page.locator('#writes li[data-write="23"]').waitFor();
  await demo.page.click('#load[aria-pressed="true"]');
  await demo.page.locator('#load[aria-pressed="false"]').waitFor();
  await demo.fate('COMMITTED');
  const before = await demo.newest();
  await demo.page.selectOption('#rate', '100');
  await demo.page.click('#load');
  await demo.page.waitForFunction((least) => Number(document.querySelector('#writes li').dataset.write) > least, before + 100);
  await demo.page.click('#load');
  await demo.fate('COMMITTED');
});

onPage('an acknowledged entry that is lost is marked in the log of the node that had it', async (demo) => {
  const leader = await demo.writeCutOff('on one node', 'LEADER_ONLY', 'NONE');
  await demo.answered();
  await demo.press(leader, 'kill');
  await demo.node(leader).locator('.log li[data-state="LOST"][title*="on one node"]').waitFor();
  await demo.fate('LOST');
  await demo.page.click('#heal');
  await demo.press(leader, 'start');
  await demo.role(leader, 'follower');
});
