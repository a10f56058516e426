// A gate that holds work back: how a process that does not run looks from outside.
//
// A page cannot stop a Worker as an operating system stops a process. So everything that would make the node
// go on passes here: its timers, its messages, its clients and the completions of its disk.

export class Gate {
  private held: (() => void)[] | undefined;

  /** Runs this now, or once the gate is open again; in order. */
  run(work: () => void): void {
    if (this.held === undefined) work();
    else this.held.push(work);
  }

  /** Resolves when it is open. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  shut(): void {
    this.held ??= [];
  }

  open(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const work of held) work();
  }

  /** From now on timers of this Worker wait at the gate when they are due. */
  guardTimers(): void {
    const ordinary = globalThis.setTimeout;
    const guarded = (work: () => void, ms?: number): number => ordinary(() => this.run(work), ms) as unknown as number;
    globalThis.setTimeout = guarded as typeof globalThis.setTimeout;
  }
}
