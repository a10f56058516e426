// The list that each file of `page/` adds its tests to.

/** @type {{ name: string, query: Record<string, string>, run: (demo: import('./demo.js').Demo, browser: object) => Promise<void>, among: 'OTHERS' | 'ALONE' }[]} */
export const TESTS = [];

/** A test with a page of its own, over databases of its own; alone where it must not miss what a frame shows. */
export function onPage(name, run, query = {}, among = 'OTHERS') {
  TESTS.push({ name, query, run, among });
}
