// The core's wasm: loaded once for every node of this page, Worker or process.

import init from '../pkg/host_wasm.js';
import { SOURCE } from './checks/api.js';
import { hold, maybe } from './checks/rules.js';
import { Refused } from './refused.js';

/** Where the wasm comes from: its bytes, their address, or what was made of them elsewhere. */
export type Source = BufferSource | URL | string | WebAssembly.Module;

/** Some of what the core's module has to have. */
const NAMED = ['__wbindgen_start', 'start_run', 'node_propose'];
const STRANGE = 'this is not the core of this version of kraft: give `load` the file that came with it';

let loading: Promise<WebAssembly.Module> | undefined;
let state: 'MISSING' | 'THERE' = 'MISSING';

/**
 * Loads the core, before the first node. Without a source it is the copy that came with this package; with one its
 * bytes, their address (`host_wasm_bg.wasm`), or the module that another `load` resolved with, as in a Worker. Once
 * for all: who loads again gets the same module, whatever the source. Rejects where there is none; then the next tries.
 */
export async function load(source?: Source): Promise<WebAssembly.Module> {
  hold(source, 'source', maybe(SOURCE), 'the core was not loaded');
  loading ??= begin(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** @internal Throws unless the core is there. */
export function needCore(undone: string): void {
  if (state === 'MISSING') {
    throw new Refused('NOT_LOADED', `${undone}: the core is not loaded: \`await load()\` first, in every Worker`, undefined);
  }
}

async function begin(source: Source | undefined): Promise<WebAssembly.Module> {
  const module = await moduleOf(source);
  const named = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  // Its JavaScript would not be rid of another one any more.
  if (!NAMED.every((name) => named.has(name))) throw unloaded(STRANGE);
  try {
    await init({ module_or_path: module });
  } catch (error) {
    throw unloaded(STRANGE, error);
  }
  state = 'THERE';
  return module;
}

async function moduleOf(source: Source | undefined): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source === undefined) return compile(await ownBytes(), 'the copy in this package');
  if (typeof source === 'string' || source instanceof URL) return compile(await bytesAt(String(source)), String(source));
  return compile(source, 'what `load` was given');
}

/** The copy in this package, gzipped and spelt in letters: every bundler and page takes it along, wherever it goes. */
async function ownBytes(): Promise<ArrayBuffer> {
  const { default: letters } = await import('../pkg/host_wasm_text.js');
  const zipped = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([zipped]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

/** What a browser fetches, and Node reads from disk where it is a file. */
async function bytesAt(address: string): Promise<Uint8Array<ArrayBuffer> | ArrayBuffer> {
  try {
    // No import, which a bundler for pages would stop at.
    const files = address.startsWith('file:') ? globalThis.process?.getBuiltinModule?.('node:fs/promises') : undefined;
    if (files !== undefined) return new Uint8Array(await files.readFile(new URL(address)));
    const response = await fetch(address);
    if (response.ok) return await response.arrayBuffer();
    throw new Error(`it is answered with ${response.status}`);
  } catch (error) {
    throw unloaded(`${address} cannot be read; give \`load\` the right address, the bytes, or nothing`, error);
  }
}

async function compile(bytes: BufferSource, from: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError && !/unsafe-eval/.test(error.message)) throw unloaded(`${from} is no WebAssembly`, error);
    throw unloaded("this page's policy allows no WebAssembly: its script-src needs 'wasm-unsafe-eval'", error);
  }
}

function unloaded(why: string, cause?: unknown): Error {
  const said = cause instanceof Error ? ` (${cause.message})` : '';
  return new Error(`the core was not loaded: ${why}${said}`, { cause });
}
