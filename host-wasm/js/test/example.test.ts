// The example of the README: it runs, and the README shows it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const EXAMPLE = new URL('../../example.js', import.meta.url);

test('the example of the README runs', async () => {
  const example = (await import(EXAMPLE.href)) as { main(say: (line: string) => void): Promise<void> };
  const said: string[] = [];
  await example.main((line) => said.push(line));
  assert.deepEqual(
    said.map((line) => line.replace(/\d+/, 'n')),
    ['LEADER_ONLY: entry n is SYNCED', 'SYNC: entry n is SYNCED', 'ALL: entry n is SYNCED'],
  );
});

test('the README shows the example as it is', async () => {
  const bare = (text: string): string => text.split('\n').map((line) => line.trim()).join('\n');
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  assert(shown !== undefined && shown.length > 100, 'the README shows no example');
  assert(bare(await readFile(EXAMPLE, 'utf8')).includes(bare(shown)), 'the README shows something else');
});
