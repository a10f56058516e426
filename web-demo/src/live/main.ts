// The page: a cluster, the views of it, and one loop that draws.

import './style.css';

import { databaseName, deleteDatabase, load } from 'kraft-host-wasm';

import { Client } from '../client/client';
import { Cluster, NODES_MAX } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { isPace, type PaceName } from '../cluster/pace';
import { Chart, SAMPLE_MS } from '../view/chart';
import { ClientView } from '../view/client';
import { Controls } from '../view/controls';
import { make, part } from '../view/dom';
import { GLYPHS } from '../view/entries';
import { Feed } from '../view/feed';
import { Guide } from '../view/guide';
import { Links } from '../view/links';
import { Nodes } from '../view/nodes';
import { Stage } from '../view/stage';
import { StoryView } from '../view/story';
import { Turns } from '../view/turns';

const SIZES = [3, 4, 5, 6, 7];
const REFRESH_MS = 100;
const CARD_MS = 200;

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

function sizes(founders: number): void {
  const choice = part<HTMLSelectElement>('size');
  choice.replaceChildren(...SIZES.map((count) => make('option', { value: String(count) }, `${count} nodes`)));
  choice.value = String(founders);
  choice.addEventListener('change', () => {
    asked.set('nodes', choice.value);
    location.search = asked.toString();
  });
}

/** Ends every node and removes what it has stored: what the page begins with is an empty cluster. */
async function begin(cluster: Cluster): Promise<void> {
  for (const member of cluster.members) member.end('ENDED');
  const nodes = Array.from({ length: NODES_MAX }, (_, i) => i + 1);
  await Promise.all(nodes.map((node) => deleteDatabase(databaseName({ cluster: cluster.name, node }))));
  location.reload();
}

function run(): void {
  const feed = new Feed(part('feed'));
  const turns = new Turns();
  const cluster: Cluster = new Cluster(size(), pace(), {
    say: (text, tone) => feed.say(text, tone),
    joined: (member) => seat(member),
    told: (news) => client.hear(news),
    gone: (node) => client.ledger.unanswered(node),
  });
  const client = new Client(cluster, (text, tone) => feed.say(text, tone));
  const stage = new Stage(cluster, part<SVGSVGElement>('stage'), part<SVGSVGElement>('flights'));
  const nodes = new Nodes(cluster, client.ledger, part('nodes'));
  const links = new Links(cluster, part('links'));
  const writes = new ClientView(client, part('writes'));
  const controls = new Controls(client);
  const chart = new Chart(client, part<SVGSVGElement>('chart'), part('figures'), part('alerts'));
  new Guide(part('guide'), (preset) => controls.preset(preset));
  new StoryView(client, part('story'));

  function seat(...members: readonly Member[]): void {
    for (const member of members) turns.add({ everyMs: CARD_MS, draw: nodes.add(member) });
    stage.build();
    links.build();
  }
  seat(...cluster.members);
  sizes(cluster.founders);
  part('fresh').addEventListener('click', () => void begin(cluster));
  turns.add({ everyMs: REFRESH_MS, draw: () => writes.refresh() });
  turns.add({ everyMs: REFRESH_MS, draw: () => feed.refresh() });
  turns.add({ everyMs: REFRESH_MS, draw: () => controls.refresh() });
  turns.add({ everyMs: CARD_MS, draw: () => links.refresh() });
  turns.add({ everyMs: SAMPLE_MS, draw: () => chart.refresh() });
  cluster.startAll();

  function frame(now: number): void {
    stage.refresh(now);
    turns.refresh(now);
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

part('states').replaceChildren(
  ...Object.entries(GLYPHS).map(([state, { glyph, says }]) =>
    make('li', {}, make('span', { class: 'glyph', 'data-state': state, 'aria-hidden': 'true' }, glyph), ` ${says}`),
  ),
);

// The page works without a network once it was loaded: see `vite.config.js`.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('./sw.js').catch(() => undefined);

// Zones and presets are the core's: it is needed here as in every node.
load().then(run, (error: unknown) => {
  part('nodes').textContent = `The cluster did not start: its WebAssembly was not loaded (${error instanceof Error ? error.message : String(error)}). Reload the page, or build it again.`;
});
