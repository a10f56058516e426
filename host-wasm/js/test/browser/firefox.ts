// Firefox and its tabs, asked for the same rooms as Chromium's.

import type { Browser, Page } from 'puppeteer-core';

import { launchFirefox, newProfile, removeProfile } from './launch.js';
import type { Rooms } from './page.js';
import { Site } from './site.js';

export class Firefox {
  private constructor(
    private readonly site: Site,
    private readonly profile: string,
    private browser: Browser,
  ) {}

  static async start(): Promise<Firefox> {
    const profile = await newProfile();
    return new Firefox(await Site.start(), profile, await launchFirefox(profile));
  }

  async newTab(): Promise<FirefoxTab> {
    const tab = new FirefoxTab(await this.browser.newPage(), this.site.address);
    await tab.load();
    return tab;
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.site.close();
    await removeProfile(this.profile);
  }
}

/** One page. */
export class FirefoxTab {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {
    page.on('pageerror', (error) => console.error(`in the page: ${error instanceof Error ? error.stack : String(error)}`));
  }

  async load(): Promise<void> {
    await this.page.goto(this.address);
    await this.page.waitForFunction(() => 'rooms' in globalThis);
  }

  /** Runs something of `page.ts` there. */
  async run<K extends keyof Rooms>(name: K, ...args: Parameters<Rooms[K]>): Promise<Awaited<ReturnType<Rooms[K]>>> {
    const result = await this.page.evaluate(
      (name, args) => {
        const { rooms } = globalThis as unknown as { rooms: Record<string, (...args: unknown[]) => Promise<unknown>> };
        return rooms[name]?.(...args);
      },
      name as string,
      args as unknown[],
    );
    return result as Awaited<ReturnType<Rooms[K]>>;
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}
