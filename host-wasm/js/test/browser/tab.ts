// A page of either browser, from the test's side.

import type { Rooms } from './page.js';

/** What a tab needs of a browser's page, whoever drives it. */
export interface Page {
  goto(address: string): Promise<unknown>;
  waitForFunction(condition: () => boolean): Promise<unknown>;
  evaluate(work: (asked: Asked) => unknown, asked: Asked): Promise<unknown>;
  close(): Promise<void>;
}

/** Something of `page.ts` by name, and what it is given. */
type Asked = readonly [name: string, args: readonly unknown[]];

/** One page. */
export class Tab {
  constructor(
    private readonly opened: Page,
    protected readonly address: string,
  ) {}

  async load(): Promise<void> {
    await this.opened.goto(this.address);
    await this.opened.waitForFunction(() => 'rooms' in globalThis);
  }

  /** Runs something of `page.ts` there. */
  async run<K extends keyof Rooms>(name: K, ...args: Parameters<Rooms[K]>): Promise<Awaited<ReturnType<Rooms[K]>>> {
    const result = await this.opened.evaluate(
      ([name, args]) => {
        const { rooms } = globalThis as unknown as { rooms: Record<string, (...args: unknown[]) => Promise<unknown>> };
        return rooms[name]?.(...args);
      },
      [name, args],
    );
    return result as Awaited<ReturnType<Rooms[K]>>;
  }

  async close(): Promise<void> {
    await this.opened.close();
  }
}

/** A browser, its profile, and the site that it is shown. */
export interface Browser {
  newTab(): Promise<Tab>;
  close(): Promise<void>;
}
