// What is called and is not ours, and may throw: each has an answer to that.

import type { About, Channel, Message } from './channel.js';

/** A state machine's: a node whose state machine throws cannot go on, since it would be at another state than others. */
export function byMachine<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new Error(`the state machine threw in ${what}; the node has ended: ${wordsOf(error)}`, { cause: error });
  }
}

/** A channel's: one that throws has dropped the message, and whoever needs it is sent it again. */
export function byChannel(channel: Channel, to: number, message: Message, about: About): void {
  try {
    channel.send(to, message, about);
  } catch {
    // Dropped.
  }
}

/** Of somebody who listens: reported as where any event is heard, and the node goes on. */
export function byListener(call: () => void): void {
  try {
    call();
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
