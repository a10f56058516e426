// Every hand on nodes, links and disks does what its label says.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

const other = (node) => (node % 3) + 1;

onPage('a killed leader is followed by another, and follows when it is back', async (demo) => {
  const killed = await demo.leader();
  await demo.press(killed, 'kill');
  await demo.role(killed, 'killed');
  assert.notEqual(await demo.leader(), killed);
  await demo.press(killed, 'start');
  await demo.role(killed, 'follower');
});

onPage('a kill leaves what was written, a power cut what was synced', async (demo) => {
  const found = {};
  for (const action of ['kill', 'power']) {
    await demo.page.click('#heal');
    await demo.write(`before ${action}`, 'ALL', 'COMMIT');
    await demo.answered();
    await demo.fate('COMMITTED');
    const leader = await demo.writeCutOff(`then ${action}`, 'LEADER_ONLY', 'NONE', action);
    assert.match(await demo.answered(), /^LEADER_ONLY: written by 1 of 3/);
    const cell = demo.node(leader).locator(`.log li[title*="then ${action}"]`);
    await demo.role(leader, action === 'kill' ? 'killed' : 'no power');
    await demo.press(leader, 'start');
    // It is cut off from the others, so what it shows is what it found.
    await demo.node(leader).and(demo.page.locator('[data-life="RUNNING"]')).waitFor();
    await demo.node(leader).locator(`.log li[title*="before ${action}"]`).waitFor();
    found[action] = await cell.count();
    await demo.page.click('#heal');
    await demo.role(leader, 'follower');
  }
  assert.deepEqual(found, { kill: 1, power: 0 });
});

onPage('a leader whose Worker dies without a word is said to have ended, and starts again', async (demo) => {
  const dead = await demo.leader();
  for (const worker of demo.page.workers()) {
    // It ends before it can answer.
    if ((await worker.evaluate(() => self.name)) === `node ${dead}`) worker.evaluate(() => self.close()).catch(() => undefined);
  }
  await demo.role(dead, 'ended');
  await demo.page.locator('#feed li', { hasText: `node ${dead} ended: its Worker died without a word` }).waitFor();
  assert.notEqual(await demo.leader(), dead);
  await demo.press(dead, 'start');
  await demo.role(dead, 'follower');
});

onPage('a paused leader is replaced, and learns of it when it runs again', async (demo) => {
  const paused = await demo.leader();
  await demo.press(paused, 'pause');
  await demo.role(paused, 'paused');
  assert.notEqual(await demo.leader(), paused);
  await demo.press(paused, 'pause');
  await demo.role(paused, 'follower');
});

onPage('an isolated leader steps down, and nobody hears what only it would have', async (demo) => {
  const cut = await demo.writeCutOff('unheard', 'SYNC', 'COMMIT');
  await demo.page.locator(`article[data-role="leader"]:not([data-node="${cut}"])`).waitFor();
  await demo.page.click('#heal');
  await demo.role(cut, 'follower');
  await demo.fate('LOST');
});

onPage('a leader split off with a minority is replaced, and there is one again once it is healed', async (demo) => {
  const cut = await demo.leader();
  await demo.page.click('#split');
  await demo.page.locator('#split[aria-pressed="true"]').waitFor();
  await demo.page.locator(`article[data-role="leader"]:not([data-node="${cut}"])`).waitFor();
  await demo.page.click('#heal');
  await demo.role(cut, 'follower');
  await demo.page.locator('#split[aria-pressed="false"]').waitFor();
});

onPage('a link that is cut one way keeps writes from the one node behind it, until it is healed', async (demo) => {
  const leader = await demo.leader();
  const deaf = other(leader);
  await demo.page.click('#links-ways summary');
  await demo.page.click(`#links [data-action="cut-${leader}-${deaf}"]`);
  await demo.page.locator(`#links [data-action="cut-${leader}-${deaf}"][aria-pressed="true"]`).waitFor();
  // The way back carries.
  await demo.page.waitForFunction(() => document.querySelector('#stage .cut').getAttribute('d').split('M').length === 2);
  await demo.write('one way', 'SYNC', 'COMMIT');
  assert.match(await demo.answered(), /^SYNC: synced by 2 of 3/);
  const heard = demo.node(deaf).locator('.log li[title*="one way"]');
  assert.equal(await heard.count(), 0);
  assert.equal(await demo.leader(), leader, 'it votes for nobody while the others hear their leader');
  await demo.page.click('#heal');
  await heard.waitFor();
  await demo.page.locator(`#links [data-action="cut-${leader}-${deaf}"][aria-pressed="false"]`).waitFor();
  await demo.page.waitForFunction(() => document.querySelector('#stage .cut').getAttribute('d') === '');
});

onPage('messages take as long as the slider says: a majority’s answer, there and back', async (demo) => {
  await demo.page.fill('#delay', '300');
  await demo.page.locator('#delay-now', { hasText: '300 ms' }).waitFor();
  await demo.write('far away', 'SYNC', 'COMMIT');
  const [, ms] = /after (\d+) ms/.exec(await demo.answered()) ?? [];
  // What is due within 4 ms is delivered together.
  assert(Number(ms) >= 2 * (300 - 4), `answered after ${ms} ms`);
});

onPage('a slow link holds up ALL, and SYNC goes on', async (demo) => {
  const slow = other(await demo.leader());
  await demo.press(slow, 'link');
  await demo.node(slow).locator('.facts', { hasText: 'slow link' }).waitFor();
  // Both in one turn, so that what is between them is the link and nothing else.
  await demo.page.evaluate(() => {
    for (const [key, mode] of [['to all', 'ALL'], ['to a majority', 'SYNC']]) {
      document.getElementById('key').value = key;
      document.getElementById('mode').value = mode;
      document.getElementById('fsync').value = 'COMMIT';
      document.querySelector('#write button[type=submit]').click();
    }
  });
  await demo.said('to all → ALL: synced by 3 of 3');
  const told = (await demo.page.locator('#feed li').allInnerTexts()).join('\n');
  assert.match(told, /to all → ALL[^]*to a majority → SYNC: synced by 2 of 3/, 'newest first: ALL was answered after SYNC');
});

onPage('a slow disk raises the alert, with how slow it is', async (demo) => {
  const slow = other(await demo.leader());
  await demo.press(slow, 'disk');
  for (let i = 0; i < 3; i++) {
    await demo.write('slow', 'ALL', 'ALWAYS');
    await demo.answered();
  }
  // The hand makes it 400 ms slower than it is.
  await demo.page.locator('#alerts', { hasText: new RegExp(`node ${slow}: one fsync in a hundred takes ([4-9]\\d\\d[.\\d]*ms|\\d[.\\d]*s)`) }).waitFor();
});

onPage('healing takes back what was done to links, disks and processes', async (demo) => {
  const node = other(await demo.leader());
  for (const action of ['link', 'disk', 'isolate', 'pause']) await demo.press(node, action);
  await demo.role(node, 'paused');
  await demo.page.click('#heal');
  await demo.node(node).and(demo.page.locator('[data-life="RUNNING"]')).waitFor();
  for (const action of ['link', 'disk', 'isolate', 'pause']) {
    await demo.node(node).locator(`[data-action="${action}"][aria-pressed="false"]`).waitFor();
  }
});

onPage('leadership goes to the node it is handed to', async (demo) => {
  const to = other(await demo.leader());
  await demo.press(to, 'lead');
  await demo.role(to, 'leader');
});

onPage('all lose their power, and all come back', async (demo) => {
  await demo.write('kept', 'ALL', 'COMMIT');
  await demo.answered();
  await demo.page.click('#all-power');
  for (const node of [1, 2, 3]) await demo.role(node, 'no power');
  await demo.page.click('#all-start');
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[title*="kept"]').waitFor();
});

onPage('a node says what it waits for, and why two suspects of three elect nobody', async (demo) => {
  const waits = (node) => demo.node(node).locator('.waiting');
  const alone = await demo.leader();
  await demo.press(alone, 'isolate');
  await waits(alone).filter({ hasText: 'its candidacy has 1 votes, and needs a majority' }).waitFor();
  await demo.page.click('#heal');
  await demo.role(alone, 'follower');
  // Copies that an answer relies on, written and not forced: who loses them is suspect.
  await demo.writeThen('relied on', 'SYNC', 'NONE', '#all-power');
  for (const node of [1, 2, 3]) await demo.role(node, 'no power');
  for (const node of [1, 2]) await demo.press(node, 'start');
  await demo.page.locator('.waiting', { hasText: /only 0 of them by nodes sure to have forgotten nothing/ }).first().waitFor();
  await demo.press(3, 'start');
  await demo.leader();
  await demo.write('again', 'SYNC', 'COMMIT');
  await demo.answered();
  for (const node of [1, 2, 3]) await waits(node).waitFor({ state: 'hidden' });
});

onPage('ALL with a node gone says so when its time is up, or settles for a majority where it may', async (demo) => {
  await demo.press(other(await demo.leader()), 'kill');
  for (const [choice, said] of [['REFUSE', 'ALL: not held as asked in time; it lives on'], ['TO_MAJORITY', 'SYNC: synced by 2 of 3 (fallback)']]) {
    await demo.page.selectOption('#fallback', choice);
    await demo.write('all of us', 'ALL', 'COMMIT');
    assert.match(await demo.answered(), new RegExp(`^${said.replace(/[()]/g, '\\$&')}`));
  }
});

onPage('a node that stays behind raises the alert of its leader', async (demo) => {
  const leader = await demo.leader();
  await demo.press(other(leader), 'kill');
  await demo.write('ahead', 'SYNC', 'COMMIT');
  await demo.answered();
  await demo.page.locator('#alerts', { hasText: `node ${leader}: the slowest peer is` }).waitFor();
});
