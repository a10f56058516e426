// What a value must be: rules that say in words what is wrong with one, and rules made of rules.
//
// A wasm module takes whatever it is given for the number or the bytes it expects: NaN becomes 0, 1.5 becomes 1,
// 'hello' five zero bytes. So nothing goes there unchecked.

import { Refused } from '../refused.js';

/** What is wrong with a value of this name; nothing where it is as it must be. */
export type Rule = (value: unknown, name: string) => string | undefined;

/** Throws `Refused` where a value breaks its rule. `undone` says what therefore did not happen. */
export function hold(value: unknown, name: string, rule: Rule, undone: string): void {
  const wrong = rule(value, name);
  if (wrong !== undefined) throw new Refused('INVALID', `${undone}: ${wrong}`, undefined);
}

/** A rule told by what a value must be. */
export function must(be: string, holds: (value: unknown) => boolean, hint?: (value: unknown) => string): Rule {
  return (value, name) => (holds(value) ? undefined : `\`${name}\` must be ${be}, and is ${shown(value)}${hint?.(value) ?? ''}`);
}

/** A number without a fraction, from the one to the other. */
export function whole(low: number, high: number = Number.MAX_SAFE_INTEGER): Rule {
  const upto = high === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : String(high);
  return must(`a whole number from ${low} to ${upto}`, (value) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high);
}

/** A number of something, with a fraction or without. */
export function amount(of: string, low: number, high: number): Rule {
  return must(`${of} from ${low} to ${high}`, (value) => typeof value === 'number' && value >= low && value <= high);
}

/** A bigint of 64 bits. */
export function big(low: bigint): Rule {
  return must(`a bigint from ${low} to 2^64 - 1`, (value) => typeof value === 'bigint' && value >= low && value < 1n << 64n);
}

export const text: Rule = must('a string', (value) => typeof value === 'string');
export const name: Rule = must('a string that is not empty', (value) => typeof value === 'string' && value !== '');
export const work: Rule = must('a function', (value) => typeof value === 'function');

/** One of these words. */
export function oneOf(words: readonly string[]): Rule {
  return must(`one of ${words.join(', ')}`, (value) => typeof value === 'string' && words.includes(value));
}

/** Bytes, and nothing that wasm would take for bytes: of whatever realm, and still there. */
export const bytes: Rule = must('a Uint8Array', isBytes, (value) => {
  if (typeof value === 'string') return '; `new TextEncoder().encode(it)` makes one of it';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return '; `new Uint8Array(it)` makes one of it';
  return '';
});

function isBytes(value: unknown): boolean {
  if (!(value instanceof Uint8Array) && !(ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]')) return false;
  // An array whose buffer was transferred looks empty.
  return value.byteLength > 0 || !isDetached(value.buffer);
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** It may be left out. */
export function maybe(rule: Rule): Rule {
  return (value, name) => (value === undefined ? undefined : rule(value, name));
}

/** Several rules, one after the other. */
export function both(...rules: readonly Rule[]): Rule {
  return (value, name) => firstOf(rules, (rule) => rule(value, name));
}

/** A list, each of it by this rule. */
export function list(rule: Rule): Rule {
  const isList = must('an array', Array.isArray);
  return both(isList, (value, name) => firstOf([...(value as unknown[]).entries()], ([place, each]) => rule(each, `${name}[${place}]`)));
}

/** An object with these properties; what else it has is its own business. */
export function having(rules: Readonly<Record<string, Rule>>): Rule {
  const each = Object.entries(rules);
  return both(object, (value, name) => firstOf(each, ([key, rule]) => part(value, key, rule, name)));
}

/** What is wrong with a property; its name is only made where something is. */
function part(value: unknown, key: string, rule: Rule, name: string): string | undefined {
  const it = (value as Record<string, unknown>)[key];
  return rule(it, key) === undefined ? undefined : rule(it, `${name}.${key}`);
}

/** Options: as `having`, and a name that none of them has is refused. A word that is misspelt must not do nothing. */
export function options(rules: Readonly<Record<string, Rule>>): Rule {
  const known = new Map(Object.entries(rules));
  const needed = Object.fromEntries([...known].filter(([key, rule]) => rule(undefined, key) !== undefined));
  const given: Rule = (value, name) =>
    firstOf(Object.keys(value as object), (key) => {
      const rule = known.get(key);
      if (rule !== undefined) return part(value, key, rule, name);
      return `\`${name}\` has no option \`${key}\`, only ${[...known.keys()].join(', ')}`;
    });
  return both(object, given, having(needed));
}

/** An object with these methods. */
export function methods(...names: readonly string[]): Rule {
  return having(Object.fromEntries(names.map((name) => [name, work])));
}

const object: Rule = must('an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));

function firstOf<T>(all: readonly T[], wrong: (each: T) => string | undefined): string | undefined {
  for (const each of all) {
    const said = wrong(each);
    if (said !== undefined) return said;
  }
  return undefined;
}

/** A value as a person reads it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `the string '${value.length > 20 ? `${value.slice(0, 20)}…` : value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `the bigint ${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (isBytesOfNobody(value)) return 'a Uint8Array whose buffer was transferred away';
  const made = Object.prototype.toString.call(value).slice(8, -1);
  return made === 'Object' ? 'an object' : `${/^[AEIO]/.test(made) ? 'an' : 'a'} ${made}`;
}

function isBytesOfNobody(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Uint8Array]' && isDetached((value as Uint8Array).buffer);
}
