// The page as a test has it: what a person would press and read.

import assert from 'node:assert/strict';

import { serve } from './server.js';

/** A page with a cluster on it, and what went wrong there. */
export class Demo {
  complaints = [];
  requests = [];

  constructor(page, server) {
    this.page = page;
    this.server = server;
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('request', (request) => this.requests.push(request.url()));
  }

  /** Opens it at the tests' pace unless the query names another. */
  static async open(browser, query = {}) {
    const server = await serve();
    const demo = new Demo(await browser.context.newPage(), server);
    await demo.page.goto(`${server.address}live.html?${new URLSearchParams({ pace: 'quick', ...query })}`);
    await demo.leader();
    return demo;
  }

  node(node) {
    return this.page.locator(`article[data-node="${node}"]`);
  }

  async leader() {
    const leading = this.page.locator('article[data-role="leader"]');
    await leading.first().waitFor();
    return Number(await leading.first().getAttribute('data-node'));
  }

  async press(node, action) {
    // Most hands are folded.
    await this.node(node).locator('details.more').evaluate((more, action) => {
      more.open ||= more.querySelector(`[data-action="${action}"]`) !== null;
    }, action);
    return this.node(node).locator(`[data-action="${action}"]`).click();
  }

  /** Waits until the node's card says so. */
  role(node, role) {
    return this.page.locator(`article[data-node="${node}"][data-role="${role}"]`).waitFor();
  }

  async fill(key, mode, fsync) {
    await this.page.fill('#key', key);
    await this.page.selectOption('#mode', mode);
    await this.page.selectOption('#fsync', fsync);
  }

  async write(key, mode, fsync) {
    await this.fill(key, mode, fsync);
    const newest = await this.newest();
    // Between two leaders nobody takes it: a person would press again.
    do {
      await this.leader();
      await this.page.click('#write button[type=submit]');
    } while (/nobody to ask/.test(await this.page.locator('#feed li').first().innerText()));
    await this.page.locator(`#writes li:first-child:not([data-write="${newest}"])`).waitFor();
  }

  /**
   * Isolates whoever leads and asks it to write at once: soon after, it would lead no more. What is to be done to it
   * next is done as soon as it has answered: soon after, it would have forced what it wrote. Returns who it was.
   */
  async writeCutOff(key, mode, fsync, next) {
    await this.fill(key, mode, fsync);
    const newest = await this.newest();
    await this.leader();
    const node = await this.pressWrite(key, { first: 'isolate', then: next && `@leader [data-action="${next}"]` });
    await this.page.locator(`#writes li:first-child:not([data-write="${newest}"])`).waitFor();
    return node;
  }

  /** Writes, and presses this as soon as the answer is there: a second or two later, what was written would be forced. */
  async writeThen(key, mode, fsync, selector) {
    await this.fill(key, mode, fsync);
    await this.leader();
    await this.pressWrite(key, { then: selector });
  }

  /**
   * Writes from within the page, where nothing comes between: the leader's `first` hand before it, and `then` as soon
   * as it is answered, where `@leader` is whose card it was. Returns the leader's number.
   */
  pressWrite(key, { first, then }) {
    return this.page.evaluate(({ key, first, then }) => {
      const { node } = document.querySelector('article[data-role="leader"]').dataset;
      const leader = `article[data-node="${node}"]`;
      if (first !== undefined) document.querySelector(`${leader} [data-action="${first}"]`).click();
      document.querySelector('#write button[type=submit]').click();
      const looking = setInterval(() => {
        const write = document.querySelector('#writes li');
        if (write?.querySelector('.key').textContent !== key || write.dataset.answer !== 'ANSWERED') return;
        clearInterval(looking);
        if (then !== undefined) document.querySelector(then.replace('@leader', leader)).click();
      }, 10);
      return Number(node);
    }, { key, first, then });
  }

  /** The number of the newest write. */
  async newest() {
    const rows = this.page.locator('#writes li');
    return (await rows.count()) === 0 ? 0 : Number(await rows.first().getAttribute('data-write'));
  }

  /** The newest write, once it has this answer. */
  async answered(answer = 'ANSWERED') {
    const newest = this.page.locator(`#writes li:first-child[data-answer="${answer}"]`);
    await newest.waitFor();
    return newest.locator('.evidence').innerText();
  }

  /** The newest write's fate, once it is this. */
  fate(fate) {
    return this.page.locator(`#writes li:first-child[data-fate="${fate}"]`).waitFor();
  }

  /** Waits for a line of the feed. */
  said(text) {
    return this.page.locator('#feed li', { hasText: text }).first().waitFor();
  }

  /** Entries of the node's card, as `term/index state`. */
  log(node) {
    return this.node(node).locator('.log li').evaluateAll((cells) => cells.map(({ dataset }) => `${dataset.term}/${dataset.index} ${dataset.state}`));
  }

  async tell(story) {
    const panel = this.page.locator('#story');
    await panel.locator(`[data-action="${story}"]`).click();
    const steps = await panel.locator('.steps li').count();
    for (let step = 0; step < steps; step++) {
      await panel.locator('[data-action="next"]').click();
      await panel.locator(`.steps li:nth-child(${step + 1}):is([data-step="done"], [data-step="failed"])`).waitFor();
      if ((await panel.locator('.outcome').getAttribute('data-outcome')) === 'NOT_AS_TOLD') break;
    }
    return panel.locator('.outcome').innerText();
  }

  /** What a person would look at first when a test failed. */
  async state() {
    const cards = await this.page.locator('article').evaluateAll((all) => all.map(({ dataset, innerText }) => `${dataset.node}: ${innerText.replaceAll('\n', ' ')}`));
    const feed = await this.page.locator('#feed li').allInnerTexts();
    return [...cards, ...feed.slice(0, 25)].join('\n');
  }

  /** Nothing went wrong on the page, and nothing was fetched from elsewhere. */
  check() {
    assert.deepEqual(this.complaints, []);
    assert.deepEqual(this.requests.filter((url) => !url.startsWith(this.server.address)), [], 'nothing is fetched from elsewhere');
  }

  async close() {
    await this.page.close();
    this.server.close();
  }
}
