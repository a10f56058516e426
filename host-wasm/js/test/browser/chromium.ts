// Chromium and its tabs.

import type { BrowserContext, CDPSession, Page } from 'playwright-core';

import { launchChromium, newProfile, removeProfile } from './launch.js';
import type { Rooms } from './page.js';
import { Site } from './site.js';

export class Chromium {
  private constructor(
    private readonly site: Site,
    private readonly profile: string,
    private context: BrowserContext,
  ) {}

  static async start(): Promise<Chromium> {
    const profile = await newProfile();
    return new Chromium(await Site.start(), profile, await launchChromium(profile));
  }

  async newTab(): Promise<Tab> {
    const tab = new Tab(await this.context.newPage(), this.site.address);
    await tab.load();
    return tab;
  }

  /** The whole browser ends and is started again with the same profile. */
  async restart(): Promise<void> {
    await this.context.close();
    this.context = await launchChromium(this.profile);
  }

  async close(): Promise<void> {
    await this.context.close();
    this.site.close();
    await removeProfile(this.profile);
  }
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
