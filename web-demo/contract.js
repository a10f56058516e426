// The contract's table as the page has it: read from DURABILITY.md, where `cargo xtask contract --write` puts it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DURABILITY = fileURLToPath(new URL('../kraft-proto/DURABILITY.md', import.meta.url));
const NAME = 'virtual:contract';
const ROWS = 7;
const COLUMNS = 5;

/** What each cell says, row by row. */
function cells() {
  const [, behind = ''] = readFileSync(DURABILITY, 'utf8').split('<!-- contract -->');
  const [table = ''] = behind.split('<!-- /contract -->');
  const lines = table.split('\n').filter((line) => line.startsWith('|')).slice(2);
  const rows = lines.map((line) => line.split('|').slice(3, -1).map((cell) => cell.trim()));
  if (rows.length !== ROWS || rows.some((row) => row.length !== COLUMNS)) throw new Error('DURABILITY.md has no contract of seven rows and five columns');
  return rows;
}

export const contract = {
  name: 'contract',
  resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
  load(id) {
    if (id !== `\0${NAME}`) return undefined;
    this.addWatchFile(DURABILITY);
    return `export const CONTRACT = ${JSON.stringify(cells())};`;
  },
};
