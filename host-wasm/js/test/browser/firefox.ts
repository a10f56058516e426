// Firefox and its tabs, asked for the same rooms as Chromium's.

import type { Browser as Driven } from 'puppeteer-core';

import { launchFirefox, newProfile, removeProfile } from './launch.js';
import { Site } from './site.js';
import { type Browser, Tab } from './tab.js';

export class Firefox implements Browser {
  private constructor(
    private readonly site: Site,
    private readonly profile: string,
    private readonly browser: Driven,
  ) {}

  static async start(): Promise<Firefox> {
    const profile = await newProfile();
    return new Firefox(await Site.start(), profile, await launchFirefox(profile));
  }

  async newTab(): Promise<Tab> {
    const page = await this.browser.newPage();
    page.on('pageerror', (error) => console.error(`in the page: ${error instanceof Error ? error.stack : String(error)}`));
    const tab = new Tab(page, this.site.address);
    await tab.load();
    return tab;
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.site.close();
    await removeProfile(this.profile);
  }
}
