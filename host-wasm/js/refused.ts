// Nothing was done, and why.

import type { RefusalName } from './classes.js';

/** Nothing was done, and why. To ask again writes nothing twice. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly why: RefusalName,
    message: string,
    /** Whom to ask instead, where that is known. */
    readonly leader: number | undefined,
  ) {
    super(message);
  }
}
