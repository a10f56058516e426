// Bundlers take the packed package along for a page and its Workers: without an alias, a plugin, an error or a warning.

import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { BUNDLERS } from './bundlers.js';
import { Packed } from './packed.js';
import { PROGRAM } from './program.js';

let packed: Packed;

before(async () => {
  packed = await Packed.make();
});

after(async () => {
  await packed?.remove();
});

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  test(`${name} bundles a page and its Worker, and complains of nothing`, async () => {
    const { folder, complaints } = await bundle(packed, PROGRAM);
    assert.deepEqual(complaints, []);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const scripts = files.filter((file) => file.name.endsWith('.js')).map((file) => join(file.parentPath, file.name));
    assert(scripts.length >= 2, `only ${scripts.join()}`);
    const sizes = await Promise.all(scripts.map(async (file) => (await stat(file)).size));
    console.log(`${name}: ${scripts.length} scripts, ${sizes.reduce((sum, size) => sum + size)} bytes`);
  });
}
