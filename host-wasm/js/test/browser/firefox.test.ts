// The package in Firefox: what holds in every browser.

import { after, before } from 'node:test';

import { everyBrowser } from './every.js';
import { Firefox } from './firefox.js';

let firefox: Firefox;

before(async () => {
  firefox = await Firefox.start();
});

after(async () => {
  await firefox?.close();
});

everyBrowser(() => firefox, { called: 'Firefox: ', seeds: 4, turns: 0, terminations: 1 });
