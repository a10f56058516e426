// One Chromium for all tests.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const SWITCHES = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

function path() {
  const places = [process.env.KRAFT_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) throw new Error("Chromium is missing: install Debian's `chromium`, or name another in KRAFT_CHROMIUM");
  return found;
}

/** Starts it; the profile lies on a real disk, since one without keeps its databases in memory. */
export async function start() {
  const profile = await mkdtemp(join(tmpdir(), 'kraft-demo-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath: path(), args: SWITCHES, headless: true });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
