// A browser and the files it is served: this package, from a port of its own.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';

import type { Rooms } from './page.js';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };

const PAGE = '<!doctype html><title>kraft</title><script type="module" src="/dist/test/browser/page.js"></script>';

/** What a page may do, as strict as a host's page can be. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

/** Where Chromium is, if it is anywhere. */
export function chromiumPath(): string {
  const places = [process.env['KRAFT_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) {
    throw new Error('Chromium is missing: install Debian\'s `chromium`, or name another in KRAFT_CHROMIUM');
  }
  return found;
}

const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser with a profile on a real disk: one without keeps its databases in memory. */
export class Chromium {
  private constructor(
    private readonly server: Server,
    private readonly address: string,
    private readonly profile: string,
    private context: BrowserContext,
  ) {}

  static async start(): Promise<Chromium> {
    const server = createServer((request, response) => {
      void serve(request.url ?? '/').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY });
        response.end(body);
      });
    });
    const profile = await mkdtemp(join(tmpdir(), 'kraft-browser-'));
    const context = await launch(profile);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return new Chromium(server, `http://127.0.0.1:${port}/`, profile, context);
  }

  async newTab(): Promise<Tab> {
    const tab = new Tab(await this.context.newPage(), this.address);
    await tab.load();
    return tab;
  }

  /** The whole browser ends and is started again with the same profile. */
  async restart(): Promise<void> {
    await this.context.close();
    this.context = await launch(this.profile);
  }

  async close(): Promise<void> {
    await this.context.close();
    this.server.close();
    this.server.closeAllConnections();
    await rm(this.profile, { recursive: true, force: true });
  }
}

function launch(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, { executablePath: chromiumPath(), args: SWITCHES, headless: true });
}

/** One page. */
export class Tab {
  /** A limit lasts as long as what set it. */
  private limits: CDPSession | undefined;

  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {
    page.on('pageerror', (error) => console.error(`in the page: ${error.stack}`));
  }

  async load(): Promise<void> {
    await this.page.goto(this.address);
    await this.page.waitForFunction(() => 'rooms' in globalThis);
  }

  /** Runs something of `page.ts` there. */
  async run<K extends keyof Rooms>(name: K, ...args: Parameters<Rooms[K]>): Promise<Awaited<ReturnType<Rooms[K]>>> {
    const result = await this.page.evaluate(
      ([name, args]) => {
        const { rooms } = globalThis as unknown as { rooms: Record<string, (...args: unknown[]) => Promise<unknown>> };
        return rooms[name as string]?.(...(args as unknown[]));
      },
      [name, args] as const,
    );
    return result as Awaited<ReturnType<Rooms[K]>>;
  }

  /** The site may have so many bytes from now on; without a number, as many as usual. */
  async limit(quotaSize?: number): Promise<void> {
    this.limits ??= await this.page.context().newCDPSession(this.page);
    const { origin } = new URL(this.address);
    await this.limits.send('Storage.overrideQuotaForOrigin', quotaSize === undefined ? { origin } : { origin, quotaSize });
  }

  /** The renderer dies, as by the system's hand. */
  async crash(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const crashed = this.page.waitForEvent('crash');
    session.send('Page.crash').catch(() => undefined);
    await crashed;
    await this.page.close();
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

async function serve(url: string): Promise<{ status: number; type: string; body: string | Buffer }> {
  const path = normalize(new URL(url, 'http://localhost').pathname);
  if (path === '/') return { status: 200, type: 'text/html', body: PAGE };
  const type = TYPES[extname(path)];
  try {
    if (type === undefined) throw new Error('not served');
    return { status: 200, type, body: await readFile(join(PACKAGE, path)) };
  } catch {
    return { status: 404, type: 'text/plain', body: 'nothing there' };
  }
}
