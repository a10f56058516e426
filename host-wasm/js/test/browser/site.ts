// What the browser is served: this package, from a port of its own.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };

const PAGE = '<!doctype html><title>kraft</title><script type="module" src="/dist/test/browser/page.js"></script>';

/** The least that a page of this package must be allowed; the live page's own policy is that and its looks. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

export class Site {
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  /** The package, with a page that offers what the tests ask for; or another folder, with a page of its own. */
  static async start(folder = PACKAGE): Promise<Site> {
    const server = createServer((request, response) => {
      void serve(folder, request.url ?? '/').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY });
        response.end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return new Site(server, `http://127.0.0.1:${port}/`);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

async function serve(folder: string, url: string): Promise<{ status: number; type: string; body: string | Buffer }> {
  const asked = normalize(new URL(url, 'http://localhost').pathname);
  if (asked === '/' && folder === PACKAGE) return { status: 200, type: 'text/html', body: PAGE };
  const path = asked === '/' ? '/index.html' : asked;
  const type = TYPES[extname(path)];
  try {
    if (type === undefined) throw new Error('not served');
    return { status: 200, type, body: await readFile(join(folder, path)) };
  } catch {
    return { status: 404, type: 'text/plain', body: 'nothing there' };
  }
}
