// A service worker that keeps the built page, made from the list of its files: a new build is a new worker.

import { createHash } from 'node:crypto';

/** Files the bundle does not list: the page itself, and what is copied. */
const BESIDES = ['./', './index.html', './live.html', './icon.svg'];

export const offline = {
  name: 'offline',
  apply: 'build',
  // Behind what makes the page, whose text is a part of the name.
  enforce: 'post',
  generateBundle(_options, bundle) {
    const files = [...BESIDES, ...Object.keys(bundle).filter((name) => !name.endsWith('.html')).map((name) => `./${name}`)];
    const pages = Object.values(bundle).filter(({ fileName }) => fileName.endsWith('.html')).map(({ source }) => String(source));
    const hash = createHash('sha256').update(JSON.stringify(files)).update(pages.join()).digest('hex').slice(0, 12);
    this.emitFile({ type: 'asset', fileName: 'sw.js', source: source(`kraft-demo ${hash}`, files) });
  },
};

const source = (cache, files) => `// The page's files, kept for when there is no network.
const CACHE = ${JSON.stringify(cache)};
const FILES = ${JSON.stringify(files)};
// A new build waits until no page of the old one is open: its Workers are files of the old one, and a node that is
// killed there must start again.
addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});
addEventListener('activate', (event) => {
  const old = (name) => name.startsWith('kraft-demo ') && name !== CACHE;
  const gone = caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))));
  event.waitUntil(gone.then(() => clients.claim()));
});
addEventListener('fetch', (event) => {
  event.respondWith(
    caches.open(CACHE).then((cache) => cache.match(event.request, { ignoreSearch: true })).then((kept) => kept ?? fetch(event.request)),
  );
});
`;
