// The trace's arithmetic, over traces made up by hand.

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { clockOf, framesOf, ofThread, quantile } from '../trace/frames.js';

/** A piece of work: milliseconds, and half of each on the processor. */
const piece = (name, from, to) => ({ name, ph: 'X', pid: 1, tid: 2, ts: from * 1000, dur: (to - from) * 1000, tdur: (to - from) * 500 });
const frame = (at) => [piece('RunTask', at, at + 8), piece('FireAnimationFrame', at, at + 2), piece('Layout', at + 2, at + 6), piece('Paint', at + 6, at + 8)];

it('a frame has what was done since the one before it, in the thread’s own time', () => {
  const heard = [piece('RunTask', 10, 14), piece('HandlePostMessage', 10, 14)];
  const frames = framesOf([...frame(0), ...heard, ...frame(16), ...frame(32)]);
  assert.deepEqual(frames, [
    { script: 3, style: 0, layout: 2, paint: 1, sum: 6, all: 6 },
    { script: 1, style: 0, layout: 2, paint: 1, sum: 4, all: 4 },
  ]);
});

it('work within work counts once, for the inner', () => {
  const forced = [piece('RunTask', 10, 20), piece('TimerFire', 10, 20), piece('FunctionCall', 10, 20), piece('Layout', 12, 16)];
  const [first] = framesOf([...frame(0), ...forced, ...frame(32)]);
  assert.deepEqual({ script: first.script, layout: first.layout, sum: first.sum }, { script: 4, layout: 4, sum: 9 });
});

it('other threads do not count, and a trace without frames has none', () => {
  const other = frame(0).map((event) => ({ ...event, tid: 3 }));
  assert.deepEqual(framesOf(ofThread([...frame(0), ...other], { pid: 1, tid: 2 })), []);
  assert.equal(ofThread(other, { pid: 1, tid: 2 }).length, 0);
});

it('a trace without thread time says so', () => {
  assert.equal(clockOf(frame(0)), 'THREAD');
  assert.equal(clockOf(frame(0).map(({ tdur: _, ...event }) => event)), 'WALL');
});

it('a quantile is a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual([0.5, 0.95, 1].map((part) => quantile(values, part)), [50, 95, 100]);
});
