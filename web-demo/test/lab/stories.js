// Each story: its question comes before the outcome, and the oracles count in the page what the file says.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

import { inLab } from '../tests.js';

const FOLDER = new URL('../../stories/', import.meta.url);

for (const file of readdirSync(FOLDER)) {
  const { name, title, question, outcome, until_us: until, run } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
  inLab(`the story “${title}” asks, answers, and comes out as told`, async (lab) => {
    await lab.page.locator('#stories h3', { hasText: title }).waitFor();
    const [, of] = /\d of (\d+) /.exec(await lab.page.innerText('#scene-title')) ?? [];
    if (of !== undefined) assert.equal(Number(of), run.setup.voters, 'the title counts the nodes of the run');
    const choice = lab.act(`choice-${question.answer}`);
    await choice.waitFor();
    assert((await lab.clock()) * 1e6 >= question.at_us - 1, 'it stops where it asks');
    await choice.click();
    await lab.page.locator('.question', { hasText: '✓ Yes.' }).waitFor();
    await lab.page.fill('#speed', '0.6');
    const end = outcome.violation === null ? until : 0;
    await lab.page.waitForFunction((end) => Number.parseFloat(document.getElementById('clock').textContent) * 1e6 >= end, end);
    const [says] = await lab.results();
    if (outcome.violation !== null) assert.match(says, /promise broken/);
    else if (outcome.lost > 0) assert.equal(says, `✕ ${outcome.lost} of ${outcome.told} lost`);
    else assert.equal(says, `✓ all ${outcome.told} kept`);
    await lab.act('stop-story').click();
    await lab.page.waitForFunction(() => document.querySelectorAll('.lane').length === 4);
  }, { fragment: `#story=${name}` });
}
