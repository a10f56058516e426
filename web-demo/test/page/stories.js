// Each story comes out as it is told.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

const STORIES = {
  sync: /^✔ As told: the acknowledged write outlived its leader/,
  'leader-only': /^✔ As told: acknowledged by one node/,
  'leader-crash': /^✔ As told: entry 3 was acknowledged and is lost; entries 1 and 2 are committed/,
  'power-failure': /^✔ As told: [1-7] of 7 acknowledged writes with NONE are lost; the one with COMMIT is not/,
};

for (const [story, outcome] of Object.entries(STORIES)) {
  onPage(`the story ${story} comes out as told`, async (demo) => {
    assert.match(await demo.tell(story), outcome);
  });
}

onPage('a story comes out as told at the pace that people watch', async (demo) => {
  assert.match(await demo.tell('leader-crash'), STORIES['leader-crash']);
}, { pace: 'watch' });

onPage('stories are told after one another, and play on by themselves', async (demo) => {
  await demo.page.click('#story [data-action="leader-crash"]');
  await demo.page.click('#story [data-action="play"]');
  await demo.page.locator('.outcome[data-outcome="AS_TOLD"]').waitFor();
  assert.match(await demo.tell('power-failure'), /^✔ As told/);
}, { nodes: '5' });
