// The lab as a test has it: what a person would drag, press and read.

import assert from 'node:assert/strict';

import { serve } from './server.js';

/** A page with the lab on it, and what went wrong there. */
export class Lab {
  complaints = [];
  requests = [];

  constructor(page, server) {
    this.page = page;
    this.server = server;
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('request', (request) => this.requests.push(request.url()));
  }

  /** Opens it, by this fragment; still unless the test is about motion. */
  static async open(browser, { fragment = '', motion = 'reduce', width = 1440, height = 900, query = '' } = {}) {
    const server = await serve();
    const lab = new Lab(await browser.context.newPage(), server);
    await lab.page.emulateMedia({ reducedMotion: motion });
    await lab.page.setViewportSize({ width, height });
    await lab.page.goto(`${server.address}${query}${fragment}`);
    await lab.told();
    return lab;
  }

  /** Waits until every world is played to its end. */
  async told() {
    await this.page.waitForFunction(() => {
      const lanes = [...document.querySelectorAll('.lane-result')];
      return lanes.length > 0 && lanes.every((lane) => lane.dataset.verdict) && document.querySelectorAll('#stage .case').length > 0;
    });
  }

  /** What each lane says. */
  results() {
    return this.page.locator('.lane-result').allInnerTexts();
  }

  /** How many acknowledged writes each lane has lost. */
  async lost() {
    return (await this.results()).map((says) => Number(/✕ (\d+) of/.exec(says)?.[1] ?? 0));
  }

  caption() {
    return this.page.innerText('#caption');
  }

  /** The moment that is shown, in seconds. */
  async clock() {
    return Number.parseFloat(await this.page.innerText('#clock'));
  }

  clockIs(seconds) {
    return this.page.waitForFunction((seconds) => Math.abs(Number.parseFloat(document.getElementById('clock').textContent) - seconds) < 0.0015, seconds);
  }

  /** A button by what it does. */
  act(action) {
    return this.page.locator(`[data-action="${action}"]`).first();
  }

  /** Where a moment is on the tape, in pixels. */
  async at(seconds, span = 12) {
    const box = await this.page.locator('.over').boundingBox();
    return { x: box.x + (seconds / span) * box.width, y: box.y + 60 };
  }

  /** The hash of the selected world's last state. */
  async hash() {
    await this.page.click('#share');
    const hash = await this.page.innerText('#share-hash');
    await this.act('close-share').click();
    return hash;
  }

  async link() {
    await this.page.click('#share');
    const link = await this.page.inputValue('#share-link');
    await this.act('close-share').click();
    return link;
  }

  /** The run of the selected world, as the file that a person would save. */
  async run() {
    await this.page.click('#share');
    const [download] = await Promise.all([this.page.waitForEvent('download'), this.act('save').click()]);
    await this.act('close-share').click();
    return download.path();
  }

  /** How long the last recount of all worlds took. */
  async recountMs() {
    return Number(/Told in (\d+) ms/.exec(await this.page.innerText('#checker'))?.[1]);
  }

  /** Nothing went wrong on the page, and nothing was fetched from elsewhere. */
  check() {
    assert.deepEqual(this.complaints, []);
    assert.deepEqual(this.requests.filter((url) => !url.startsWith(this.server.address) && !url.startsWith('blob:')), [], 'nothing is fetched from elsewhere');
  }

  async close() {
    await this.page.close();
    this.server.close();
  }
}
