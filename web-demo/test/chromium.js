// One Chromium for all tests.

import { launchChromium, newProfile, removeProfile } from '../../host-wasm/dist/test/browser/launch.js';

export async function start() {
  const profile = await newProfile();
  const context = await launchChromium(profile);
  return {
    context,
    async close() {
      await context.close();
      await removeProfile(profile);
    },
  };
}
