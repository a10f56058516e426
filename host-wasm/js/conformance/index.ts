// Conformance of a store: what kraft asks of it, checked. See README.md.

export type { Adapter, Crash, PowerCuts } from './adapter.js';
export { RULES, type Rule, Violation } from './rules.js';
export { check, type Effort, type Exercised } from './suite.js';
