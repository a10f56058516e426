// Sharing: a link leads to the same moment of the same world, a run file to the same state, natively too.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { inLab } from '../tests.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** The hash that the native simulator ends at. */
async function natively(file) {
  const built = `${ROOT}target/debug/sim`;
  const args = ['replay', file];
  const { stdout } = existsSync(built) ? await run(built, args, { maxBuffer: 1 << 26 }) : await run('cargo', ['run', '--quiet', '--locked', '--package', 'tests', '--bin', 'sim', '--', ...args], { cwd: ROOT, maxBuffer: 1 << 26 });
  return /[0-9a-f]{32}/.exec(stdout)?.[0];
}

inLab('a link is short, and leads to the same lesson, moment and state', async (lab, browser) => {
  await lab.act('kind').selectOption({ label: 'power: leader and one more' });
  await lab.page.locator('.lane-label').nth(1).click();
  const { x, y } = await lab.at(6.5);
  await lab.page.mouse.click(x, y);
  const [link, hash, clock] = [await lab.link(), await lab.hash(), await lab.clock()];
  const fragment = new URL(link).hash;
  console.log(`# the fragment has ${fragment.length} characters: ${fragment}`);
  assert(fragment.length < 90, fragment);
  const page = await browser.context.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(link);
  await page.waitForFunction((clock) => Math.abs(Number.parseFloat(document.getElementById('clock').textContent) - clock) < 0.001, clock);
  await page.click('#share');
  assert.equal(await page.innerText('#share-hash'), hash);
  assert(await page.locator('#notice').isHidden());
  assert.deepEqual(await page.locator('.lane-result').allInnerTexts(), await lab.results());
  await page.close();
});

inLab('an exported run replays natively to the same state', async (lab) => {
  let replayed = 0;
  for (let lane = 0; lane < 4; lane++) {
    await lab.page.locator('.lane-label').nth(lane).click();
    const hash = await lab.hash();
    assert.match(hash, /^[0-9a-f]{32}$/);
    const file = await lab.run();
    assert.equal(await natively(file), hash, `lane ${lane}`);
    assert.equal(JSON.parse(await readFile(file, 'utf8')).version, 4);
    replayed += 1;
  }
  console.log(`# ${replayed} runs were replayed natively`);
});

inLab('a run file that is opened comes to the state it was saved in', async (lab) => {
  const hash = await lab.hash();
  const file = await lab.run();
  await lab.page.click('#share');
  await lab.page.setInputFiles('#run-file', file);
  await lab.page.locator('.lane-name', { hasText: /^kraft-run|json$|-/ }).waitFor();
  await lab.page.waitForFunction(() => document.querySelectorAll('.lane').length === 1);
  await lab.told();
  assert.equal(await lab.hash(), hash);
});

inLab('a link of another version says so', async (lab) => {
  await lab.page.locator('#notice', { hasText: 'another version of the simulator' }).waitFor();
}, { fragment: '#3;n3;s7;r10;cSN;t4000' });

inLab('a link whose run ends otherwise here says so', async (lab) => {
  await lab.page.locator('#notice', { hasText: 'its run ends otherwise here' }).waitFor();
}, { fragment: '#4a;n3;s7;r10;cSN;fpa4900+950;t4000;l0;h01234567' });

inLab('every “may lose” of the contract leads to the run of its seed, and that run loses an acknowledged write', async (lab) => {
  const links = await lab.page.locator('#contract a').evaluateAll((all) => all.map(({ hash }) => hash));
  const seeds = [...new Set(links)];
  assert(seeds.length >= 10, `${seeds}`);
  let lost = 0;
  for (const seed of seeds) {
    await lab.page.evaluate((hash) => { location.hash = hash; }, seed);
    await lab.page.locator('.lane-name', { hasText: `the run of seed ${/\d+/.exec(seed)}` }).waitFor();
    await lab.hash();
    const [says] = await lab.results();
    assert.match(says, /✕ \d+ of \d+ lost/, `${seed}: ${says}`);
    assert.match(await lab.page.innerText('#explain .verdict'), /acknowledged, and lost/);
    lost += 1;
  }
  console.log(`# ${lost} seeds of the contract were opened: each lost an acknowledged write`);
});
