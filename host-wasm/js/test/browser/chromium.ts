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

  /** A tab of the same site under another name, over plain http: to a browser that is no safe place. */
  async newPlainTab(): Promise<ChromiumTab> {
    const address = this.site.address.replace('127.0.0.1', 'plain.test');
    const tab = new ChromiumTab(await this.context.newPage(), address);
    await tab.load();
    return tab;
  }

  /** What a page of another site says on its console, up to this last word. */
  async saidAt(address: string, last: string): Promise<string[]> {
    const page = await this.context.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error.stack)));
    const heard = page.waitForEvent('console', { predicate: (message) => message.text() === last, timeout: 60_000 });
    await page.goto(address);
    await heard.catch(() => said.push(`and nothing else for a minute, so no: ${last}`));
    await page.close();
    return said;
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
