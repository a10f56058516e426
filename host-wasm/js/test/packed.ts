// The package as others get it: packed, and unpacked where a program of their own would have it.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** A program's folder, with the package in its `node_modules` and nothing else. */
export class Packed {
  private constructor(
    readonly folder: string,
    /** What the tarball has. */
    readonly files: readonly string[],
    readonly bytes: number,
  ) {}

  static async make(): Promise<Packed> {
    const folder = await mkdtemp(join(tmpdir(), 'kraft-packed-'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: PACKAGE });
    const [{ filename, files, size }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[]; size: number }];
    const home = join(folder, 'node_modules', 'kraft-host-wasm');
    await mkdir(home, { recursive: true });
    await run('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1']);
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
    return new Packed(folder, files.map(({ path }) => path), size);
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** What a command says, run in the folder; rejects with what it complained about. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    try {
      return (await run(command, args, { cwd: this.folder, timeout: 120_000 })).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error });
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
