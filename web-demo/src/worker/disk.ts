// A disk that a hand can make slow, and whose completions a paused process does not hear.

import type { Change, Firmness, Found, Identity, Storage, StorageError } from 'kraft-host-wasm';

import type { Gate } from './gate';

export class Disk implements Storage {
  /** How long each commit takes besides its own time. */
  slowMs = 0;

  constructor(
    private readonly inner: Storage,
    private readonly gate: Gate,
  ) {}

  open(identity: Identity): Promise<Found> {
    return this.inner.open(identity);
  }

  async commit(changes: readonly Change[], firmness: Firmness): Promise<void> {
    if (this.slowMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, this.slowMs));
    await this.gate.pass();
    await this.inner.commit(changes, firmness);
    await this.gate.pass();
  }

  onEnd(handler: (error: StorageError) => void): void {
    this.inner.onEnd(handler);
  }

  close(): void {
    this.inner.close();
  }
}
