// Asking whoever leads, and again where nothing was done.
//
// A write must not happen twice, and a call that was refused wrote nothing: so that, and only that, is asked again. An
// answer is an answer: what timed out lives on, and of what is unknown only its fate tells.

import { LEADER_ASKED, NODES, WORK } from './checks/api.js';
import { hold } from './checks/rules.js';
import type { Refused } from './refused.js';

/** How long to go on asking. */
export interface LeaderAsked {
  /** Milliseconds from the first call to the last; the last may take longer. Default: 10 000. */
  readonly timeout?: number;
}

const TIMEOUT_MS = 10_000;
/** Elections take about as long. */
const PAUSE_MS = 25;

/**
 * Asks the node that leads: `ask` is called with one of these, and again, with the leader that it names or the next,
 * while it rejects with `Refused` for now: `NOT_LEADER`, `BUSY` or `STOPPED`. Everything else is passed on as it is, and
 * the last refusal when the time is up. Nodes elsewhere, as in Workers, are anything with a number and a way to ask.
 */
export async function atLeader<N extends { readonly node: number }, T>(
  nodes: readonly N[],
  ask: (node: N) => Promise<T> | T,
  asked: LeaderAsked = {},
): Promise<T> {
  hold(nodes, 'nodes', NODES, 'nobody was asked');
  hold(ask, 'ask', WORK, 'nobody was asked');
  hold(asked, 'asked', LEADER_ASKED, 'nobody was asked');
  const until = performance.now() + (asked.timeout ?? TIMEOUT_MS);
  let place = 0;
  let came: 'IN_TURN' | 'BY_NAME' = 'IN_TURN';
  for (;;) {
    const node = nodes[place] as N;
    try {
      return await ask(node);
    } catch (error) {
      if (!isForNow(error) || performance.now() >= until) throw error;
      const named = nodes.findIndex((each) => each !== node && each.node === error.leader);
      // Who is named is asked at once; but two that name each other would be asked for ever.
      came = named >= 0 && came === 'IN_TURN' ? 'BY_NAME' : 'IN_TURN';
      if (came === 'IN_TURN') await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      place = named >= 0 ? named : (place + 1) % nodes.length;
    }
  }
}

/** By name: a refusal that came as a message is no instance of ours. */
function isForNow(error: unknown): error is Refused {
  const { name, why } = (error ?? {}) as Partial<Refused>;
  return name === 'Refused' && (why === 'NOT_LEADER' || why === 'BUSY' || why === 'STOPPED');
}
