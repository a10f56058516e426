// The lists that each file of `page/` and of `lab/` adds its tests to.

/** @type {{ name: string, query: Record<string, string>, run: (demo: import('./demo.js').Demo, browser: object) => Promise<void>, among: 'OTHERS' | 'ALONE' }[]} */
export const TESTS = [];

/** A test with a page of its own, over databases of its own; alone where it must not miss what a frame shows. */
export function onPage(name, run, query = {}, among = 'OTHERS') {
  TESTS.push({ name, query, run, among });
}

/** @type {{ name: string, options: object, run: (lab: import('./lab.js').Lab, browser: object) => Promise<void> }[]} */
export const LAB_TESTS = [];

/** A test with a lab of its own. */
export function inLab(name, run, options = {}) {
  LAB_TESTS.push({ name, options, run });
}
