// The example of the README, under Node.

import assert from 'node:assert/strict';
import { test } from 'node:test';

test('the example of the README runs', async () => {
  const example = (await import(new URL('../../example.js', import.meta.url).href)) as {
    main(say: (line: string) => void): Promise<void>;
  };
  const said: string[] = [];
  await example.main((line) => said.push(line));
  assert.deepEqual(
    said.map((line) => line.replace(/\d+/, 'n')),
    ['LEADER_ONLY: entry n is SYNCED', 'SYNC: entry n is SYNCED', 'ALL: entry n is SYNCED'],
  );
});
