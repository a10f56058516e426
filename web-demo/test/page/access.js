// Accessibility, by axe-core: each state of the page, light and dark, on a phone and on a desk.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

import { onPage } from '../tests.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = [
  ['light', 390], ['light', 1440],
  ['dark', 390], ['dark', 1440],
];

/** What axe finds wrong in every view of the page as it is now. */
async function check(demo, state) {
  let passes = 0;
  const wrong = [];
  for (const [colorScheme, width] of VIEWS) {
    await demo.page.emulateMedia({ colorScheme });
    await demo.page.setViewportSize({ width, height: 900 });
    // Not as an element of the page: its policy would refuse that.
    const found = await demo.page.evaluate(async (source) => {
      if (globalThis.axe === undefined) (0, eval)(source);
      const { passes, violations, incomplete } = await globalThis.axe.run();
      const told = ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`;
      return { passes: passes.length, violations: violations.map(told), incomplete: incomplete.map(({ id }) => id) };
    }, AXE);
    passes += found.passes;
    wrong.push(...found.violations.map((violation) => `${colorScheme} ${width}: ${violation}`));
  }
  assert.deepEqual(wrong, [], state);
  assert(passes > 60, `axe looked at next to nothing: ${passes}`);
  console.log(`# ${state}: ${passes} rules held in ${VIEWS.length} views`);
}

onPage('axe finds nothing wrong: at rest, with answers, and with a write under way', async (demo) => {
  await check(demo, 'at rest');
  await demo.write('user:1', 'SYNC', 'COMMIT');
  await demo.fate('COMMITTED');
  await demo.writeCutOff('session:1', 'LEADER_ONLY', 'NONE');
  await check(demo, 'with answers');
});

onPage('axe finds nothing wrong: a story, and what it leaves', async (demo) => {
  await demo.page.click('#story [data-action="leader-crash"]');
  await demo.page.click('#story [data-action="next"]');
  await check(demo, 'in a story');
  await demo.page.locator('#story [data-action="next"]:enabled').waitFor();
  await demo.tell('leader-crash');
  await check(demo, 'after a story');
});

onPage('axe finds nothing wrong: questions answered, a learner, dead nodes, a split', async (demo) => {
  await demo.page.locator('#guide button').first().click();
  await check(demo, 'in the questions');
  await demo.page.locator('#guide button').first().click();
  await demo.page.click('#links-ways summary');
  await demo.page.click('#add');
  await demo.role(4, 'learner');
  await demo.page.click('#links [data-action="cut-4-1"]');
  await check(demo, 'with a learner, behind a link that is cut one way');
  await demo.page.click('#split');
  await demo.press(1, 'kill');
  await demo.press(2, 'power');
  await demo.press(3, 'pause');
  await demo.role(2, 'no power');
  await check(demo, 'with dead nodes');
});
