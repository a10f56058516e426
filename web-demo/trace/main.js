// Traces the built page under a steady load, and says what a frame costs its main thread. By hand: `npm run trace`.

import { availableParallelism, loadavg } from 'node:os';

import { start } from '../test/chromium.js';
import { Demo } from '../test/demo.js';
import { clockOf, framesOf, ofThread, quantile } from './frames.js';

const NODES = 5;
const RATE = 100;
const P95_MS_MAX = 8;
const PAINT_MS_MAX = 1000;
const LOADS = 5;
const [warm_s, traced_s] = [Number(process.env.KRAFT_TRACE_WARM ?? 65), Number(process.env.KRAFT_TRACE_SECONDS ?? 10)];
// No more than is needed: each category takes time of the frames it is to measure.
const CATEGORIES = ['devtools.timeline', 'devtools.timeline.frame', 'disabled-by-default-devtools.timeline'];

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));
const figures = (values) => [0.5, 0.95, 1].map((part) => quantile(values, part).toFixed(1)).join(' / ');

/** Milliseconds until something is seen, each time of an origin that the browser does not know. */
async function firstPaints(browser) {
  const paints = [];
  for (let load = 0; load < LOADS; load++) {
    const demo = await Demo.open(browser, { nodes: String(NODES), pace: 'watch' });
    paints.push(await demo.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
    await demo.close();
  }
  return paints;
}

/** The page's main thread: the only one that draws frames and runs its timers. */
function mainThread(events) {
  const mark = events.find(({ name, args }) => name === 'TimeStamp' && args.data?.message === 'kraft');
  if (mark === undefined) throw new Error('the trace does not show the page');
  return mark;
}

async function traced(browser, demo) {
  const cdp = await browser.context.newCDPSession(demo.page);
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => value.forEach((event) => events.push(event)));
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES, excludedCategories: ['*'] } });
  await demo.page.evaluate(() => console.timeStamp('kraft'));
  await seconds(traced_s);
  const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
  await cdp.send('Tracing.end');
  await complete;
  return ofThread(events, mainThread(events));
}

async function loaded(browser) {
  const demo = await Demo.open(browser, { nodes: String(NODES), pace: 'watch' });
  await demo.page.setViewportSize({ width: 1440, height: 900 });
  await demo.page.selectOption('#rate', String(RATE));
  await demo.page.click('#load');
  // Until the last minute on the chart is full.
  await seconds(warm_s);
  const [before, began] = [await demo.newest(), performance.now()];
  const events = await traced(browser, demo);
  const rate = (((await demo.newest()) - before) * 1000) / (performance.now() - began);
  const shown = await demo.page.evaluate(() => ({ elements: document.querySelectorAll('*').length, flights: [...document.querySelectorAll('.flight')].reduce((sum, shape) => sum + shape.getAttribute('d').split('M').length - 1, 0) }));
  demo.check();
  await demo.close();
  return { events, rate, shown };
}

const browser = await start();
try {
  const paints = await firstPaints(browser);
  const { events, rate, shown } = await loaded(browser);
  const frames = framesOf(events);
  if (frames.length === 0) throw new Error('the trace has no frames');
  const sums = frames.map(({ sum }) => sum);
  const time = clockOf(events) === 'THREAD' ? 'thread time: what other programs took does not count' : 'time on the wall: the trace has no thread time';
  console.log(`${NODES} nodes, ${rate.toFixed(0)} writes/s asked, ${shown.elements} elements, ${shown.flights} messages under way, ${frames.length} frames in ${traced_s} s after ${warm_s} s; ${time}`);
  console.log(`load average ${loadavg()[0].toFixed(1)} on ${availableParallelism()} processors: a frame kept waiting has more messages to hear`);
  console.log('ms of the main thread for a frame: p50 / p95 / max');
  for (const kind of ['script', 'style', 'layout', 'paint', 'sum', 'all']) {
    console.log(`  ${kind.padEnd(7)}${figures(frames.map((frame) => frame[kind]))}`);
  }
  console.log(`first contentful paint of ${paints.length} first loads, ms: ${figures(paints)}`);
  const p95 = quantile(sums, 0.95);
  const missed = [
    rate < RATE * 0.9 && `only ${rate.toFixed(0)} writes/s of ${RATE} were asked`,
    p95 > P95_MS_MAX && `the 95th percentile of a frame is ${p95.toFixed(1)} ms, more than ${P95_MS_MAX}`,
    quantile(paints, 0.5) > PAINT_MS_MAX && `first paint takes more than ${PAINT_MS_MAX} ms`,
  ].filter((miss) => miss !== false);
  for (const miss of missed) console.error(`missed: ${miss}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  await browser.close();
}
