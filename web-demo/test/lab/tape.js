// The tape: a fault is dragged by mouse, by touch and by keys, and every world counts again.

import assert from 'node:assert/strict';

import { inLab } from '../tests.js';

const DRAG_MS_MAX = 50;

async function drag(lab, from, to, steps) {
  const [begin, end] = [await lab.at(from), await lab.at(to)];
  const y = (await lab.page.locator('.grip-fault').boundingBox()).y + 12;
  await lab.page.mouse.move(begin.x, y);
  await lab.page.mouse.down();
  await lab.page.mouse.move(end.x, y, { steps });
}

inLab('a drag by mouse recounts all four worlds while it goes on, and what was stays as it was', async (lab) => {
  const before = await lab.lost();
  const seen = lab.page.evaluate(() => {
    globalThis.seen = new Set();
    globalThis.took = [];
    const note = () => {
      globalThis.seen.add([...document.querySelectorAll('.lane-result')].map(({ textContent }) => textContent).join('|'));
      const ms = Number(/Told in (\d+) ms/.exec(document.getElementById('checker').textContent)?.[1]);
      if (ms !== globalThis.took.at(-1)) globalThis.took.push(ms);
    };
    new MutationObserver(note).observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true });
  });
  await seen;
  await drag(lab, 4.9, 3.2, 60);
  await lab.page.waitForFunction(() => globalThis.seen.size > 3);
  await lab.page.mouse.up();
  await lab.told();
  const [counts, took] = await lab.page.evaluate(() => [globalThis.seen.size, globalThis.took]);
  const sorted = took.slice(1).sort((one, other) => one - other);
  console.log(`# a drag through 1.7 s: ${counts} different counts, ${sorted.length} recounts of four worlds, median ${sorted[sorted.length >> 1]} ms, most ${sorted.at(-1)} ms (the aim: ${DRAG_MS_MAX} ms)`);
  assert(counts > 3, `${counts} counts`);
  // The quickest tenth: what a busy machine adds is none of the page's doing.
  assert(sorted[Math.floor(sorted.length / 10)] < DRAG_MS_MAX, `${sorted}`);
  assert.notDeepEqual(await lab.lost(), before);
  assert.match(await lab.page.getAttribute('.lane.selected .tick-before', 'd'), /^M/, 'as it was, grey');
  await lab.act('undo').click();
  await lab.page.waitForFunction((lost) => [...document.querySelectorAll('.lane-result')].map((lane) => Number(/✕ (\d+) of/.exec(lane.textContent)?.[1] ?? 0)).join() === lost, before.join());
});

inLab('SYNC · COMMIT keeps everything wherever the bolt strikes', async (lab) => {
  let strikes = 0;
  const lost = new Map();
  for (const at of [1.2, 2.05, 3.4, 4.44, 5.81, 6.93, 8.02, 9.7]) {
    await lab.page.locator('.grip-fault').focus();
    const from = await lab.page.locator('.grip-fault').getAttribute('aria-valuenow');
    await drag(lab, Number(from) / 1000, at, 3);
    await lab.page.mouse.up();
    await lab.page.waitForFunction((at) => Math.abs(Number(document.querySelector('.grip-fault').getAttribute('aria-valuenow')) / 1000 - at) < 0.03, at);
    await lab.hash();
    const counts = await lab.lost();
    assert.equal(counts[3], 0, `SYNC · COMMIT lost something at ${at} s`);
    lost.set(at, counts[2]);
    strikes += 1;
  }
  console.log(`# the bolt struck ${strikes} times; SYNC · NONE lost ${[...lost.values()].join(', ')}, SYNC · COMMIT nothing`);
  assert([...lost.values()].some((count) => count > 0));
});

inLab('the bolt goes by arrow keys, and further with shift', async (lab) => {
  const grip = lab.page.locator('.grip-fault');
  await grip.focus();
  await lab.page.keyboard.press('ArrowLeft');
  assert.equal(await grip.getAttribute('aria-valuetext'), '4.88 s');
  await lab.page.keyboard.press('Shift+ArrowLeft');
  assert.equal(await grip.getAttribute('aria-valuetext'), '4.68 s');
  assert.equal(await lab.page.locator('.grip-undo').getAttribute('aria-valuetext'), '5.63 s', 'the power is back as long after');
  await lab.page.locator('.grip-undo').focus();
  await lab.page.keyboard.press('Shift+ArrowRight');
  assert.equal(await lab.page.locator('.grip-undo').getAttribute('aria-valuetext'), '5.83 s');
  assert.equal(await grip.getAttribute('aria-valuetext'), '4.68 s');
});

inLab('a thumb drags the bolt on a phone, and every handle is large enough for it', async (lab, browser) => {
  const client = await browser.context.newCDPSession(lab.page);
  const box = await lab.page.locator('.grip-fault').boundingBox();
  const y = box.y + box.height / 2;
  const touch = (type, x) => client.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });
  const begin = box.x + box.width / 2;
  await touch('touchStart', begin);
  for (let step = 1; step <= 8; step++) await touch('touchMove', begin - step * 8);
  await touch('touchEnd', 0);
  const moved = Number(await lab.page.locator('.grip-fault').getAttribute('aria-valuenow'));
  assert(moved < 3500, `${moved} ms`);
  const reach = await lab.page.evaluate(() => [...document.querySelectorAll('.grip')].map((grip) => {
    const { width, height } = grip.getBoundingClientRect();
    const { top } = getComputedStyle(grip, '::after');
    return Math.min(width, height) - 2 * Number.parseFloat(top);
  }));
  assert(reach.every((px) => px >= 44), `${reach}`);
  assert.equal(await lab.page.evaluate(() => document.documentElement.scrollWidth), 390);
  console.log(`# ${reach.length} handles, the smallest reaches ${Math.min(...reach)} px`);
}, { width: 390, height: 844 });

inLab('another kind of fault is another count, and its words change with it', async (lab) => {
  const options = await lab.act('kind').locator('option').allInnerTexts();
  const said = [];
  for (const label of options) {
    await lab.act('kind').selectOption({ label });
    await lab.hash();
    said.push(`${label}: ${(await lab.lost()).join(' ')}`);
    assert.equal((await lab.lost())[3], 0, `${label}: SYNC · COMMIT lost something`);
  }
  console.log(`# ${said.join('; ')}`);
  assert.equal(new Set(said.map((line) => line.split(': ').at(-1))).size > 2, true);
});

inLab('a fault that is added in the past is another future; taken back, the world ends in the same state', async (lab) => {
  const before = await lab.hash();
  await lab.page.keyboard.press('Home');
  const { x, y } = await lab.at(2.5);
  await lab.page.mouse.click(x, y);
  await lab.clockIs(2.5).catch(() => undefined);
  await lab.act('add').click();
  await lab.page.waitForFunction(() => document.querySelectorAll('.grip-fault').length === 2);
  const other = await lab.hash();
  assert.notEqual(other, before);
  await lab.act('undo').click();
  await lab.page.waitForFunction(() => document.querySelectorAll('.grip-fault').length === 1);
  await lab.told();
  assert.equal(await lab.hash(), before);
});

inLab('classes, nodes and writes a second are chosen; a world comes and goes', async (lab) => {
  await lab.page.click('#lesson-box summary');
  await lab.page.selectOption('#mode-0', 'ALL');
  await lab.page.locator('.lane-name', { hasText: 'ALL · NONE' }).waitFor();
  await lab.page.selectOption('#lesson-nodes', '5');
  await lab.page.waitForFunction(() => document.querySelectorAll('#stage .case').length === 5);
  assert.match(await lab.page.innerText('#scene-title'), /when 3 of 5/);
  await lab.act('drop-3').click();
  await lab.page.waitForFunction(() => document.querySelectorAll('.lane').length === 3);
  await lab.page.selectOption('#lesson-rate', '20');
  await lab.hash();
  const told = (await lab.results()).map((says) => Number(/(\d+) (?:kept|lost)/.exec(says.replace(/.* of /, ''))?.[1]));
  assert(told.every((count) => count > 100), `${told}`);
});
