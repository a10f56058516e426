// How the page is built: static files that work under any path, and nothing inlined, for the policy's sake.

import { fileURLToPath } from 'node:url';

import { contract } from './contract.js';
import { offline } from './offline.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default {
  base: './',
  plugins: [contract, offline],
  resolve: {
    alias: {
      'kraft-host-wasm': at('../host-wasm/dist/index.js'),
    },
  },
  worker: { format: 'es' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, rollupOptions: { input: { lab: at('./index.html'), live: at('./live.html') } } },
};
