// A state machine for tests: it keeps what it is given, in order.

import type { StateMachine } from '../machine.js';

export class Journal implements StateMachine {
  commands: string[] = [];

  apply(command: Uint8Array): void {
    this.commands.push(new TextDecoder().decode(command));
  }

  snapshot(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.commands));
  }

  restore(state: Uint8Array): void {
    this.commands = JSON.parse(new TextDecoder().decode(state)) as string[];
  }
}
