// The page in Chromium: every hand does what its label says.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { Demo, start } from './browser.js';

let browser;
let demo;

before(async () => {
  browser = await start();
});

after(() => browser?.close());

beforeEach(async () => {
  demo = await Demo.open(browser);
});

afterEach(async () => {
  assert.deepEqual(demo.complaints, []);
  assert.deepEqual(demo.requests.filter((url) => !url.startsWith(browser.address)), [], 'nothing is fetched from elsewhere');
  await demo.close();
});

const other = (node) => (node % 3) + 1;

/** Entries of the node's card, as `index state`. */
function log(node) {
  return demo.node(node).locator('.log li').evaluateAll((cells) => cells.map(({ dataset }) => `${dataset.term}/${dataset.index} ${dataset.state}`));
}

test('each mode is answered with what its copies are', async () => {
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

test('messages under way have the colour of their strongest mode', async () => {
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
});

test('an acknowledged entry that is lost is marked in the log of the node that had it', async () => {
  const leader = await demo.leader();
  await demo.press(leader, 'isolate');
  await demo.write('on one node', 'LEADER_ONLY', 'NONE');
  await demo.answered();
  await demo.press(leader, 'kill');
  await demo.node(leader).locator('.log li[data-state="LOST"][title*="on one node"]').waitFor();
  await demo.fate('LOST');
  await demo.page.click('#heal');
  await demo.press(leader, 'start');
  await demo.role(leader, 'follower');
});

test('a burst is twenty writes, and a steady load goes on until it is stopped', async () => {
  await demo.page.click('#burst');
  await demo.answered();
  assert.equal(await demo.newest(), 20);
  await demo.page.click('#load');
  await demo.page.locator('#writes li[data-write="23"]').waitFor();
  await demo.page.click('#load[aria-pressed="true"]');
  await demo.page.locator('#load[aria-pressed="false"]').waitFor();
  await demo.fate('COMMITTED');
});

test('a killed leader is followed by another, and follows when it is back', async () => {
  const killed = await demo.leader();
  await demo.press(killed, 'kill');
  await demo.role(killed, 'killed');
  assert.notEqual(await demo.leader(), killed);
  await demo.press(killed, 'start');
  await demo.role(killed, 'follower');
});

test('a kill leaves what was written, a power cut what was synced', async () => {
  const found = {};
  for (const action of ['kill', 'power']) {
    await demo.page.click('#heal');
    const leader = await demo.leader();
    await demo.write(`before ${action}`, 'ALL', 'COMMIT');
    await demo.answered();
    await demo.fate('COMMITTED');
    await demo.press(leader, 'isolate');
    await demo.write(`then ${action}`, 'LEADER_ONLY', 'NONE');
    assert.match(await demo.answered(), /^LEADER_ONLY: written by 1 of 3/);
    const cell = demo.node(leader).locator(`.log li[title*="then ${action}"]`);
    await cell.waitFor();
    await demo.press(leader, action);
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

test('a paused leader is replaced, and learns of it when it runs again', async () => {
  const paused = await demo.leader();
  await demo.press(paused, 'pause');
  await demo.role(paused, 'paused');
  assert.notEqual(await demo.leader(), paused);
  await demo.press(paused, 'pause');
  await demo.role(paused, 'follower');
});

test('an isolated leader steps down, and nobody hears what only it would have', async () => {
  const cut = await demo.leader();
  await demo.press(cut, 'isolate');
  await demo.write('unheard', 'SYNC', 'COMMIT');
  await demo.page.locator(`article[data-role="leader"]:not([data-node="${cut}"])`).waitFor();
  await demo.page.click('#heal');
  await demo.role(cut, 'follower');
  await demo.fate('LOST');
});

test('a leader split off with a minority is replaced, and there is one again once it is healed', async () => {
  const cut = await demo.leader();
  await demo.page.click('#split');
  await demo.page.locator('#split[aria-pressed="true"]').waitFor();
  await demo.page.locator(`article[data-role="leader"]:not([data-node="${cut}"])`).waitFor();
  await demo.page.click('#heal');
  await demo.role(cut, 'follower');
  await demo.page.locator('#split[aria-pressed="false"]').waitFor();
});

test('a slow link holds up ALL, and SYNC goes on', async () => {
  const slow = other(await demo.leader());
  await demo.press(slow, 'link');
  await demo.node(slow).locator('.facts', { hasText: 'slow link' }).waitFor();
  await demo.write('all', 'ALL', 'COMMIT');
  await demo.write('sync', 'SYNC', 'COMMIT');
  await demo.answered();
  assert.equal(await demo.page.locator('#writes li').nth(1).getAttribute('data-answer'), 'ASKED');
  await demo.page.locator('#writes li:nth-child(2)[data-answer="ANSWERED"]').waitFor();
});

test('a slow disk raises the alert', async () => {
  const slow = other(await demo.leader());
  assert.equal(await demo.page.locator('#alerts').isVisible(), false);
  await demo.press(slow, 'disk');
  for (let i = 0; i < 3; i++) {
    await demo.write('slow', 'ALL', 'ALWAYS');
    await demo.answered();
  }
  await demo.page.locator('#alerts', { hasText: 'slow disk' }).waitFor();
});

test('healing takes back what was done to links, disks and processes', async () => {
  const node = other(await demo.leader());
  for (const action of ['link', 'disk', 'isolate', 'pause']) await demo.press(node, action);
  await demo.role(node, 'paused');
  await demo.page.click('#heal');
  await demo.role(node, 'follower');
  for (const action of ['link', 'disk', 'isolate', 'pause']) {
    await demo.node(node).locator(`[data-action="${action}"][aria-pressed="false"]`).waitFor();
  }
});

test('leadership goes to the node it is handed to', async () => {
  const to = other(await demo.leader());
  await demo.press(to, 'lead');
  await demo.role(to, 'leader');
});

test('all lose their power, and all come back', async () => {
  await demo.write('kept', 'ALL', 'COMMIT');
  await demo.answered();
  await demo.page.click('#all-power');
  for (const node of [1, 2, 3]) await demo.role(node, 'no power');
  await demo.page.click('#all-start');
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[title*="kept"]').waitFor();
});

test('a write without a class takes its key’s zone’s, then the preset’s', async () => {
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

test('the questions end in each preset', async () => {
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

test('a reload finds the cluster where it was', async () => {
  await demo.write('over the reload', 'ALL', 'COMMIT');
  await demo.answered();
  const before = await log(await demo.leader());
  await demo.page.reload();
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[title*="over the reload"]').waitFor();
  const after = (await log(leader)).map((cell) => cell.split(' ')[0]);
  assert(after.includes(before.at(-1).split(' ')[0]));
});

test('fresh databases begin anew', async () => {
  await demo.write('gone', 'ALL', 'COMMIT');
  await demo.answered();
  await Promise.all([demo.page.waitForEvent('load'), demo.page.click('#fresh')]);
  const leader = await demo.leader();
  await demo.node(leader).locator('.log li[data-index="1"]').waitFor();
  assert.equal(await demo.node(leader).locator('.log li[title*="gone"]').count(), 0);
});

test('a second tab is told that the first has the databases', async () => {
  const page = await browser.context.newPage();
  await page.goto(browser.address);
  await page.locator('#feed li', { hasText: 'another tab or Worker has the database' }).first().waitFor();
  await page.close();
});

test('the page works without a network once it was loaded', async () => {
  await demo.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await demo.page.reload();
  await demo.leader();
  await browser.context.setOffline(true);
  try {
    await demo.page.reload();
    await demo.leader();
    await demo.write('offline', 'SYNC', 'COMMIT');
    await demo.answered();
  } finally {
    await browser.context.setOffline(false);
  }
});

for (const size of [5, 7]) {
  test(`${size} nodes elect and answer, and nothing is wider than a phone`, async () => {
    await demo.page.setViewportSize({ width: 390, height: 844 });
    await Promise.all([demo.page.waitForEvent('load'), demo.page.selectOption('#size', String(size))]);
    await demo.leader();
    assert.equal(await demo.page.locator('article').count(), size);
    await demo.write('wide', 'SYNC', 'COMMIT');
    assert.match(await demo.answered(), new RegExp(`^SYNC: synced by ${(size + 1) / 2} of ${size}`));
    assert.equal(await demo.page.evaluate(() => document.documentElement.scrollWidth), 390);
  });
}
