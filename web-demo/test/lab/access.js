// Accessibility, by axe-core: the lab's states in both themes, forced colours, on a phone and on a desk.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

import { inLab } from '../tests.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = [
  ['light', 390, 'none'], ['light', 1440, 'none'],
  ['dark', 390, 'none'], ['dark', 1440, 'none'],
  ['light', 1440, 'active'], ['dark', 390, 'active'],
];

async function check(lab, state) {
  let passes = 0;
  const wrong = [];
  for (const [colorScheme, width, forcedColors] of VIEWS) {
    await lab.page.emulateMedia({ colorScheme, forcedColors });
    await lab.page.setViewportSize({ width, height: 900 });
    const found = await lab.page.evaluate(async (source) => {
      if (globalThis.axe === undefined) (0, eval)(source);
      const { passes, violations } = await globalThis.axe.run();
      const told = ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`;
      return { passes: passes.length, violations: violations.map(told) };
    }, AXE);
    passes += found.passes;
    wrong.push(...found.violations.map((violation) => `${colorScheme} ${width} ${forcedColors}: ${violation}`));
    const wide = await lab.page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) wrong.push(`${colorScheme} ${width}: the page is ${wide} px wide`);
  }
  assert.deepEqual(wrong, [], state);
  assert(passes > 60, `axe looked at next to nothing: ${passes}`);
  console.log(`# ${state}: ${passes} rules held in ${VIEWS.length} views`);
}

inLab('axe finds nothing wrong: before the bolt, in the dark, after the verdict', async (lab) => {
  await check(lab, 'before the bolt');
  await lab.act('on').click();
  await check(lab, 'without power');
  await lab.page.locator('h1').click();
  await lab.page.keyboard.press('End');
  await check(lab, 'at the end');
});

inLab('axe finds nothing wrong: something explained, another lesson, the share box', async (lab) => {
  await lab.page.keyboard.press('End');
  await lab.page.locator('#logs td[class*="depth-"]').first().click();
  await lab.page.locator('.life').waitFor();
  await lab.page.click('#lesson-box summary');
  await check(lab, 'a write explained');
  await lab.page.click('#share');
  await check(lab, 'sharing');
});

inLab('axe finds nothing wrong: a broken promise, and a story that asks', async (lab) => {
  await lab.act('choice-0').waitFor();
  await check(lab, 'a question of a story whose promise is broken');
}, { fragment: '#story=lying-disk' });

inLab('from 320 to 2560 px nothing is wider than the page', async (lab) => {
  const widths = [320, 360, 390, 600, 768, 801, 1024, 1100, 1280, 1440, 1920, 2560];
  for (const width of widths) {
    await lab.page.setViewportSize({ width, height: 900 });
    assert.equal(await lab.page.evaluate(() => document.documentElement.scrollWidth), width);
  }
  console.log(`# ${widths.length} widths`);
});

inLab('on a phone every button and choice is large enough for a thumb', async (lab) => {
  await lab.page.click('#stories-box summary');
  await lab.page.click('#lesson-box summary');
  const small = await lab.page.evaluate(() => [...document.querySelectorAll('button:not(.grip), select, summary, nav a')].filter((hand) => hand.checkVisibility()).map((hand) => [hand.textContent.slice(0, 20), hand.getBoundingClientRect().height]));
  console.log(`# ${small.length} hands, the lowest ${Math.min(...small.map(([, px]) => px))} px`);
  assert(small.length > 15);
  assert.deepEqual(small.filter(([, px]) => px < 44), []);
  const fields = await lab.page.evaluate(() => [...document.querySelectorAll('select, input:not([type="range"])')].map((field) => Number.parseFloat(getComputedStyle(field).fontSize)));
  assert(fields.every((px) => px >= 16), `${fields}`);
}, { width: 390, height: 844 });
