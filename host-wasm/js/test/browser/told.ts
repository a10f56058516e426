// Commands that a cluster in a page was told, and that each of its nodes must have.

import assert from 'node:assert/strict';

import type { Tab } from './tab.js';

/** Puts so many commands, and returns them. */
export async function putAll(tab: Tab, cluster: string, from: number, count: number): Promise<string[]> {
  const commands = Array.from({ length: count }, (_, i) => `command ${from + i}`);
  for (const command of commands) {
    const answer = await tab.run('put', cluster, command, 'SYNC', 'COMMIT');
    assert.equal(answer.grade, 'AS_ASKED');
    assert.equal(answer.held, 'SYNCED');
  }
  return commands;
}

export async function assertHas(tab: Tab, cluster: string, told: readonly string[]): Promise<void> {
  for (const node of [1, 2, 3]) {
    const there = await tab.run('commands', cluster, node);
    assert.deepEqual(there.slice(0, told.length), told, `node ${node}`);
  }
}
