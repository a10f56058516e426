// The end of a turn: once everybody who has just been answered has said what comes next.
//
// Clients that write again do so some microtasks later, nobody knows how many: each `await` between is one.
// The next task comes behind all of them. Timers would wait for milliseconds, and in hidden pages for a second.

type Work = () => void;

/** Runs this as a task of its own, right behind this one. */
export const nextTurn: (work: Work) => void = typeof setImmediate === 'function' ? (work) => void setImmediate(work) : overChannel();

function overChannel(): (work: Work) => void {
  const waiting: Work[] = [];
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => waiting.shift()?.();
  return (work) => {
    waiting.push(work);
    port1.postMessage(undefined);
  };
}
