// The built page as plain files below a path of its own. Each server is an origin, with databases of its own.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const BELOW = '/some/where/';
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.html': 'text/html', '.svg': 'image/svg+xml' };

/** A service worker of another build, whose files are not those of this one. */
const OTHER_BUILD = `addEventListener('install', (event) => event.waitUntil(caches.open('kraft-demo other')));
addEventListener('activate', (event) => event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== 'kraft-demo other').map((name) => caches.delete(name))))));
`;

async function answer(url, build) {
  const path = normalize(new URL(url, 'http://localhost').pathname);
  const below = path.startsWith(BELOW) ? path.slice(BELOW.length) || 'index.html' : undefined;
  const type = below === undefined ? undefined : TYPES[extname(below)];
  if (build === 'OTHER') {
    if (below === 'sw.js') return { status: 200, type, body: OTHER_BUILD };
    if (below?.startsWith('assets/')) return { status: 404, type: 'text/plain', body: 'a file of another build' };
  }
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
  let build = 'THIS';
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', build).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}${BELOW}`,
    /** From now on there is another build here. */
    update() {
      build = 'OTHER';
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
