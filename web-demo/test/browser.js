// A browser on the built page, served as plain files below a path of its own.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const BELOW = '/some/where/';
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.html': 'text/html', '.svg': 'image/svg+xml' };
const SWITCHES = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

function chromiumPath() {
  const places = [process.env.KRAFT_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) throw new Error("Chromium is missing: install Debian's `chromium`, or name another in KRAFT_CHROMIUM");
  return found;
}

async function serve(url) {
  const path = normalize(new URL(url, 'http://localhost').pathname);
  const below = path.startsWith(BELOW) ? path.slice(BELOW.length) || 'index.html' : undefined;
  const type = below === undefined ? undefined : TYPES[extname(below)];
  try {
    if (type === undefined) throw new Error('not served');
    return { status: 200, type, body: await readFile(join(DIST, below)) };
  } catch {
    return { status: 404, type: 'text/plain', body: 'nothing there' };
  }
}

/** Starts both; the profile lies on a real disk, since one without keeps its databases in memory. */
export async function start() {
  if (!existsSync(join(DIST, 'index.html'))) throw new Error('the page is not built: `npm run build`');
  const server = createServer((request, response) => {
    void serve(request.url ?? '/').then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const profile = await mkdtemp(join(tmpdir(), 'kraft-demo-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath(), args: SWITCHES, headless: true });
  return {
    context,
    origin,
    address: `${origin}${BELOW}`,
    async close() {
      await context.close();
      server.close();
      server.closeAllConnections();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A page with a cluster on it, and what went wrong there. */
export class Demo {
  complaints = [];
  requests = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('request', (request) => this.requests.push(request.url()));
  }

  static async open(browser, query = '') {
    const demo = new Demo(await browser.context.newPage());
    await demo.page.goto(`${browser.address}${query}`);
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

  press(node, action) {
    return this.node(node).locator(`[data-action="${action}"]`).click();
  }

  /** Waits until the node's card says so. */
  role(node, role) {
    return this.page.locator(`article[data-node="${node}"][data-role="${role}"]`).waitFor();
  }

  async write(key, mode, fsync) {
    await this.page.fill('#key', key);
    await this.page.selectOption('#mode', mode);
    await this.page.selectOption('#fsync', fsync);
    const newest = await this.newest();
    await this.page.click('#write button[type=submit]');
    await this.page.locator(`#writes li:first-child:not([data-write="${newest}"])`).waitFor();
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

  close() {
    return this.page.close();
  }
}
