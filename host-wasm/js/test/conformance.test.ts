// The memory store keeps every rule, and each store that is wrong on purpose is found by its rule.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { check, RULES, Violation } from '../conformance/index.js';
import { FLAWED, MemoryAdapter } from './memory_adapter.js';

const EFFORT = { seeds: [0, 300], turns: 4, patienceMs: 300 } as const;

test('the memory store keeps every rule', async () => {
  const exercised = await check(() => new MemoryAdapter(), EFFORT);
  console.log(`exercised ${JSON.stringify(exercised)}`);
  assert.equal(exercised.powerCuts, 'EXACT');
  assert(exercised.commits > 1000 && exercised.crashes.power > 1000);
});

for (const { name, rule, make } of FLAWED) {
  test(`a store that is wrong is found: ${name} breaks ${rule}`, async () => {
    const found = await check(make, EFFORT).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert(found instanceof Violation, `it passed, or failed otherwise: ${found}`);
    assert.equal(found.rule, rule, found.message);
  });
}

test('every rule has a store that breaks it', () => {
  const broken = new Set(FLAWED.map(({ rule }) => rule));
  assert.deepEqual(RULES.filter((rule) => !broken.has(rule)), []);
});
