// The list that each file of `page/` adds its tests to.

/** @type {{ name: string, query: Record<string, string>, run: (demo: import('./demo.js').Demo, browser: object) => Promise<void> }[]} */
export const TESTS = [];

/** A test with a page of its own, over databases of its own. */
export function onPage(name, run, query = {}) {
  TESTS.push({ name, query, run });
}
