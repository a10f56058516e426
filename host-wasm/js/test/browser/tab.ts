// A page of either browser, from the test's side.

import { pause } from '../cluster.js';
import type { Rooms } from './page.js';

/** What a tab needs of a browser's page, whoever drives it. */
export interface Page {
  goto(address: string): Promise<unknown>;
  evaluate(work: (asked: Asked) => unknown, asked: Asked): Promise<unknown>;
  close(): Promise<void>;
}

/** How long a page may take to offer what it has. */
const LOAD_MS_MAX = 60_000;

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
    const until = Date.now() + LOAD_MS_MAX;
    // Asked again and again: the page's policy lets no driver compile a condition of its own there.
    while (!(await this.opened.evaluate(() => 'rooms' in globalThis, ['', []]))) {
      if (Date.now() > until) throw new Error(`${this.address} has offered nothing after ${LOAD_MS_MAX} ms`);
      await pause();
    }
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
