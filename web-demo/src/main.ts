// The page: a cluster, the views of it, and one loop that draws.

import './style.css';

import { deleteDatabase, databaseName } from 'kraft-host-wasm';

import { Cluster } from './cluster/cluster';
import { isPace, type PaceName } from './cluster/pace';
import { Chart, SAMPLE_MS } from './view/chart';
import { ClientView } from './view/client';
import { Controls } from './view/controls';
import { make, part } from './view/dom';
import { GLYPHS } from './view/entries';
import { Feed } from './view/feed';
import { Guide } from './view/guide';
import { Nodes } from './view/nodes';
import { Stage } from './view/stage';
import { StoryView } from './view/story';
import { Turns } from './view/turns';

const SIZES = [3, 4, 5, 6, 7];
const REFRESH_MS = 80;

const asked = new URLSearchParams(location.search);

/** How many nodes the address asks for. */
function size(): number {
  const nodes = Number(asked.get('nodes'));
  return SIZES.includes(nodes) ? nodes : 3;
}

function pace(): PaceName {
  const name = asked.get('pace');
  return isPace(name) ? name : 'watch';
}

const feed = new Feed(part('feed'));
const cluster = new Cluster(size(), pace(), (text, tone) => feed.say(text, tone));
const stage = new Stage(cluster, part<SVGSVGElement>('stage'));
const nodes = new Nodes(cluster, part('nodes'));
const client = new ClientView(cluster, part('writes'));
const controls = new Controls(cluster);
const chart = new Chart(cluster, part<SVGSVGElement>('chart'), part('figures'), part('alerts'));
new Guide(part('guide'), (preset) => controls.preset(preset));
new StoryView(cluster, part('story'));

part('states').replaceChildren(
  ...Object.entries(GLYPHS).map(([state, { glyph, says }]) =>
    make('li', {}, make('span', { class: 'glyph', 'data-state': state, 'aria-hidden': 'true' }, glyph), ` ${says}`),
  ),
);

const sizes = part<HTMLSelectElement>('size');
sizes.replaceChildren(...SIZES.map((count) => make('option', { value: String(count) }, `${count} nodes`)));
sizes.value = String(cluster.size);
sizes.addEventListener('change', () => {
  asked.set('nodes', sizes.value);
  location.search = asked.toString();
});

part('fresh').addEventListener('click', () => {
  for (const member of cluster.members) member.end('ENDED');
  const gone = cluster.voters.map((node) => deleteDatabase(databaseName({ cluster: cluster.name, node })));
  void Promise.all(gone).then(() => location.reload());
});

cluster.startAll();

// The page works without a network once it was loaded: see `vite.config.js`.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('./sw.js').catch(() => undefined);

const turns = new Turns([
  ...nodes.turns.map((draw) => ({ everyMs: REFRESH_MS, draw })),
  { everyMs: REFRESH_MS, draw: () => client.refresh() },
  { everyMs: REFRESH_MS, draw: () => feed.refresh() },
  { everyMs: REFRESH_MS, draw: () => controls.refresh() },
  { everyMs: SAMPLE_MS, draw: () => chart.refresh() },
]);

function frame(now: number): void {
  stage.refresh(now);
  turns.refresh(now);
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
