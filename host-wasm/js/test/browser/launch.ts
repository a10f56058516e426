// Browsers that are installed, started with a profile on a real disk: one without keeps its databases in memory.
// The live page's tests start theirs here, too.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type BrowserContext, chromium } from 'playwright-core';
import puppeteer, { type Browser } from 'puppeteer-core';

const PLACES = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
} as const;

const NAMED = { chromium: 'KRAFT_CHROMIUM', firefox: 'KRAFT_FIREFOX' } as const;
const PACKAGES = { chromium: 'chromium', firefox: 'firefox-esr' } as const;

/** Where a browser is, if it is anywhere. */
export function browserPath(browser: 'chromium' | 'firefox'): string {
  const places = [process.env[NAMED[browser]], ...PLACES[browser]];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) {
    throw new Error(`there is no ${browser}: install Debian's \`${PACKAGES[browser]}\`, or name another in ${NAMED[browser]}`);
  }
  return found;
}

/** A folder for a profile, and for what a browser thinks is home. */
export function newProfile(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'kraft-browser-'));
}

/** Removes it. A browser that has just ended may still be writing. */
export async function removeProfile(profile: string): Promise<void> {
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

const SWITCHES = [
  // A host that is not localhost, and no further than this machine.
  '--host-resolver-rules=MAP plain.test 127.0.0.1',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, { executablePath: browserPath('chromium'), args: SWITCHES, headless: true });
}

/** Firefox over WebDriver BiDi: as it is installed, without any patch. */
export function launchFirefox(profile: string): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: browserPath('firefox'),
    headless: true,
    userDataDir: profile,
    // As root it refuses a home that belongs to somebody else.
    env: { ...process.env, HOME: profile },
    protocolTimeout: 120_000,
  });
}
