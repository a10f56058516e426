// What a Chromium trace says of a page's frames: the main thread's work for each, by kind.
//
//   task  task  task+frame │ task  task+frame │ …      a frame's work ends with the task that draws it,
//   └──── one frame ─────┘   └─ the next ──┘            and begins where the one before ended
//
// So a message heard between two frames counts for the later of them. A task's time is the thread's own where
// the trace has it (`tdur`): a busy machine takes the processor away, and that is none of the page's doing.

const KINDS = {
  script: ['EvaluateScript', 'v8.compile', 'FunctionCall', 'TimerFire', 'FireAnimationFrame', 'EventDispatch', 'HandlePostMessage', 'RunMicrotasks', 'MinorGC', 'MajorGC'],
  style: ['UpdateLayoutTree', 'RecalculateStyles'],
  layout: ['Layout'],
  paint: ['PrePaint', 'Paint', 'Layerize', 'Commit'],
};
const KIND_OF = new Map(Object.entries(KINDS).flatMap(([kind, names]) => names.map((name) => [name, kind])));
// The page asks for every frame, so each begins with its call.
const DRAWN = 'FireAnimationFrame';
const TASK = 'RunTask';

const ms = ({ tdur, dur }) => (tdur ?? dur) / 1000;
const endOf = ({ ts, dur }) => ts + dur;

/** Whether all times are the thread's own: `THREAD`, or some are a clock's on the wall: `WALL`. */
export function clockOf(events) {
  return events.every((event) => event.dur === undefined || event.tdur !== undefined) ? 'THREAD' : 'WALL';
}

/** The events of one thread that matter here. */
export function ofThread(events, { pid, tid }) {
  return events.filter((event) => event.pid === pid && event.tid === tid && (event.name === TASK || KIND_OF.has(event.name)));
}

/**
 * Milliseconds of each whole frame: `script`, `style`, `layout` and `paint` apart, `sum` of those, and `all`,
 * every task whatever it does. Work within work counts once, for the inner.
 */
export function framesOf(events) {
  const tasks = events.filter(({ name, ph }) => name === TASK && ph === 'X').sort((one, other) => one.ts - other.ts);
  const begins = events.filter(({ name }) => name === DRAWN).map(({ ts }) => ts).sort((one, other) => one - other);
  const ends = begins.flatMap((ts) => tasks.filter((task) => task.ts <= ts && ts <= endOf(task)).slice(-1).map(endOf));
  const bounds = [...new Set(ends)];
  const frames = bounds.slice(1).map(() => ({ script: 0, style: 0, layout: 0, paint: 0, sum: 0, all: 0 }));
  const add = (at, kind, time) => {
    const number = bounds.findIndex((end) => at < end) - 1;
    if (number >= 0) frames[number][kind] += time;
  };
  for (const task of tasks) add(task.ts, 'all', ms(task));
  for (const { ts, kind, own } of ownTimes(events)) {
    add(ts, kind, own);
    add(ts, 'sum', own);
  }
  return frames;
}

/** Each piece of work with its time less what is within it. */
function ownTimes(events) {
  const work = events.filter(({ name, ph }) => KIND_OF.has(name) && ph === 'X').sort((one, other) => one.ts - other.ts || other.dur - one.dur);
  const open = [];
  return work.map((event) => {
    const piece = { ts: event.ts, end: endOf(event), kind: KIND_OF.get(event.name), own: ms(event) };
    while (open.length > 0 && open.at(-1).end < piece.end) open.pop();
    if (open.length > 0) open.at(-1).own -= piece.own;
    open.push(piece);
    return piece;
  });
}

/** The value below which this part of them lies. */
export function quantile(values, part) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * part) - 1];
}
