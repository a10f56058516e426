// Members come, learn, vote and go.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

const seat = (demo, node, seat) => demo.page.locator(`article[data-node="${node}"][data-seat="${seat}"]`).waitFor();
const inLog = (demo, node, key) => demo.node(node).locator(`.log li[data-state="APPLIED"][title*="${key}"]`).waitFor();

/** Answers this write has, once it has one. */
async function answer(demo, key, mode) {
  await demo.write(key, mode, 'COMMIT');
  return (await demo.answered()).replace(/ after .*/, '');
}

onPage('a node that is added learns the log, is promoted, counts, and may be removed', async (demo) => {
  await answer(demo, 'before it came', 'SYNC');
  await demo.page.click('#add');
  await demo.role(4, 'learner');
  await inLog(demo, 4, 'before it came');
  assert.equal(await answer(demo, 'with a learner', 'ALL'), 'ALL: synced by 3 of 3', 'a learner does not count');
  await demo.press(4, 'seat');
  await seat(demo, 4, 'VOTER');
  await demo.said('node 4 votes, by entry');
  assert.equal(await answer(demo, 'with four', 'SYNC'), 'SYNC: synced by 3 of 4');
  assert.equal(await answer(demo, 'with all four', 'ALL'), 'ALL: synced by 4 of 4');
  await demo.press(4, 'seat');
  await demo.role(4, 'learner');
  await demo.press(4, 'remove');
  await seat(demo, 4, 'NONE');
  assert.equal(await demo.node(4).locator('.role').innerText(), 'not a member');
  assert.equal(await answer(demo, 'with three', 'ALL'), 'ALL: synced by 3 of 3');
  await demo.press(4, 'seat');
  await demo.role(4, 'learner');
  await inLog(demo, 4, 'with three');
});

onPage('a node that joined is there again after a reload', async (demo) => {
  await demo.page.click('#add');
  await demo.role(4, 'learner');
  await demo.press(4, 'seat');
  await seat(demo, 4, 'VOTER');
  await demo.said('node 4 votes, by entry');
  await demo.page.reload();
  await demo.node(4).waitFor();
  await seat(demo, 4, 'VOTER');
  assert.equal(await answer(demo, 'still four', 'ALL'), 'ALL: synced by 4 of 4');
});

onPage('a leader that is removed hands over, and is no member', async (demo) => {
  const leader = await demo.leader();
  await demo.press(leader, 'remove');
  await seat(demo, leader, 'NONE');
  assert.notEqual(await demo.leader(), leader);
  assert.equal(await answer(demo, 'with two', 'ALL'), 'ALL: synced by 2 of 2');
});

onPage('seven nodes are as many as there may be', async (demo) => {
  await demo.page.click('#add');
  await demo.role(7, 'learner');
  await demo.page.locator('#add:disabled').waitFor();
  assert.equal(await demo.page.locator('article').count(), 7);
}, { nodes: '6' });
