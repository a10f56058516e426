// What bundlers make of a program over the packed package, each with its defaults: no alias, no plugin, no loader.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build as esbuild } from 'esbuild';
import { build as vite, createLogger } from 'vite';
import webpack from 'webpack';

import type { Packed } from './packed.js';

/** What came of it: a folder with a page, and every complaint. */
export interface Bundle {
  readonly folder: string;
  readonly complaints: readonly string[];
}

/** A page's program, `main.js`, which begins a Worker, `worker.js`. */
export interface Program {
  readonly main: string;
  readonly worker: string;
}

/** How a program names its Worker, for bundlers that follow that. */
export const WORKER = "new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })";
/** And for one that leaves it as it is. */
const PLAIN_WORKER = "new Worker('worker.js')";

export const BUNDLERS: Readonly<Record<string, (packed: Packed, program: Program) => Promise<Bundle>>> = {
  /** A page's program as a module, a Worker's as the classic script that esbuild makes unless asked otherwise. */
  esbuild: async (packed, program) => {
    const { from, to } = await place(packed, 'esbuild', { ...program, main: program.main.replace(WORKER, PLAIN_WORKER) });
    const common = { bundle: true, outdir: to, absWorkingDir: from, logLevel: 'silent' } as const;
    const built = [
      await esbuild({ ...common, entryPoints: ['main.js'], format: 'esm' }),
      await esbuild({ ...common, entryPoints: ['worker.js'] }),
    ];
    return { folder: to, complaints: built.flatMap(({ warnings, errors }) => [...warnings, ...errors]).map(({ text }) => text) };
  },

  webpack: async (packed, program) => {
    const { from, to } = await place(packed, 'webpack', program);
    const compiler = webpack({ mode: 'production', context: from, entry: './main.js', output: { path: to, filename: 'main.js' } });
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      compiler?.run((error, done) => (error ? reject(error) : resolve(done)));
    });
    await new Promise((resolve) => compiler?.close(resolve));
    const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
    return { folder: to, complaints: [...errors, ...warnings].map(({ message }) => message) };
  },

  vite: async (packed, program) => {
    const { from } = await place(packed, 'vite', program);
    const complaints: string[] = [];
    const logger = createLogger('silent');
    const complain = (message: string): number => complaints.push(message);
    const customLogger = { ...logger, info: () => undefined, warn: complain, warnOnce: complain, error: complain };
    await vite({ root: from, configFile: false, customLogger });
    return { folder: join(from, 'dist'), complaints };
  },
};

const PAGE = '<!doctype html><title>kraft</title><script type="module" src="/main.js"></script>\n';

/** Writes a program into a folder of its own, beside the package. */
async function place({ folder }: Packed, name: string, { main, worker }: Program): Promise<{ from: string; to: string }> {
  const from = join(folder, name);
  const to = join(from, 'dist');
  await mkdir(to, { recursive: true });
  await writeFile(join(from, 'main.js'), main);
  await writeFile(join(from, 'worker.js'), worker);
  for (const where of [from, to]) await writeFile(join(where, 'index.html'), PAGE);
  return { from, to };
}
