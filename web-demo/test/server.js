// The built page as plain files below a path of its own. Each server is an origin, with databases of its own.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const BELOW = '/some/where/';
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.html': 'text/html', '.svg': 'image/svg+xml' };

async function answer(url) {
  const path = normalize(new URL(url, 'http://localhost').pathname);
  const below = path.startsWith(BELOW) ? path.slice(BELOW.length) || 'index.html' : undefined;
  const type = below === undefined ? undefined : TYPES[extname(below)];
  try {
    if (type === undefined) throw new Error('not served');
    return { status: 200, type, body: await readFile(join(DIST, below)) };
  } catch {
    return { status: 404, type: 'text/plain', body: 'nothing there' };
  }
}

/** Serves until it is closed. */
export async function serve() {
  if (!existsSync(join(DIST, 'index.html'))) throw new Error('the page is not built: `npm run build`');
  const server = createServer((request, response) => {
    void answer(request.url ?? '/').then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}${BELOW}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
