// Chromium and its tabs, which can be limited and crashed.

import type { BrowserContext, CDPSession, Page } from 'playwright-core';

import { launchChromium, newProfile, removeProfile } from './launch.js';
import { Site } from './site.js';
import { type Browser, Tab } from './tab.js';

export class Chromium implements Browser {
  private constructor(
    private readonly site: Site,
    private readonly profile: string,
    private context: BrowserContext,
  ) {}

  static async start(): Promise<Chromium> {
    const profile = await newProfile();
    return new Chromium(await Site.start(), profile, await launchChromium(profile));
  }

  async newTab(): Promise<ChromiumTab> {
    const tab = new ChromiumTab(await this.context.newPage(), this.site.address);
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
export class ChromiumTab extends Tab {
  /** A limit lasts as long as what set it. */
  private limits: CDPSession | undefined;

  constructor(
    private readonly page: Page,
    address: string,
  ) {
    super(page, address);
    page.on('pageerror', (error) => console.error(`in the page: ${error.stack}`));
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
}
