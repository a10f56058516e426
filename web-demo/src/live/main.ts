// The page: a cluster, the views of it, and one loop that draws.

import '../base.css';
import '../stage/stage.css';
import './style.css';

import { databaseName, deleteDatabase, load } from 'kraft-host-wasm';

import { Client } from '../client/client';
import { Cluster, NODES_MAX } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import { isPace, type PaceName } from '../cluster/pace';
import { Chart, SAMPLE_MS } from '../view/chart';
import { ClientView } from '../view/client';
import { Controls } from '../view/controls';
import { enable, make, part } from '../view/dom';
import { GLYPHS } from '../view/entries';
import { Feed } from '../view/feed';
import { Guide } from '../view/guide';
import { Links } from '../view/links';
import { Nodes } from '../view/nodes';
import { StoryView } from '../view/story';
import { Turns } from '../view/turns';
import { StageView } from '../stage/stage';
import { LiveScene } from './scene';
import { takeTurn } from './tab';
import { GLOSSARY } from '../lab/glossary';

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
  cluster.stores.forget();
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
    lostDisk: (node) => notice(`The database of node ${node} is gone, or another took its place: that is a lost disk, and the node does not start on a blank one under its old number. Remove it and add another, or begin with fresh databases.`),
  });
  const client = new Client(cluster, (text, tone) => feed.say(text, tone));
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const scene = new LiveScene(cluster, client.ledger, () => calm.matches);
  const stage = new StageView(part('stage'), pick);
  const nodes = new Nodes(cluster, client.ledger, part('nodes'));
  const links = new Links(cluster, part('links'));
  const writes = new ClientView(client, part('writes'));
  const controls = new Controls(client);
  const chart = new Chart(client, part<SVGSVGElement>('chart'), part('figures'), part('alerts'));
  new Guide(part('guide'), (preset) => controls.preset(preset));
  new StoryView(client, part('story'));

  function seat(...members: readonly Member[]): void {
    for (const member of members) turns.add({ everyMs: CARD_MS, draw: nodes.add(member) });
    links.build();
  }
  seat(...cluster.members);
  sizes(cluster.founders);
  const fresh = part<HTMLButtonElement>('fresh');
  fresh.addEventListener('click', () => void begin(cluster));
  turns.add({ everyMs: REFRESH_MS, draw: () => writes.refresh() });
  turns.add({ everyMs: REFRESH_MS, draw: () => feed.refresh() });
  turns.add({ everyMs: REFRESH_MS, draw: () => controls.refresh() });
  turns.add({ everyMs: CARD_MS, draw: () => links.refresh() });
  turns.add({ everyMs: SAMPLE_MS, draw: () => chart.refresh() });
  turns.add({ everyMs: REFRESH_MS, draw: () => {
    drawn = scene.snapshot(performance.now());
    stage.draw(drawn, calm.matches ? 'STILL' : 'EASED');
  } });
  let drawn = scene.snapshot(performance.now());
  takeTurn(cluster.name, {
    mine: () => {
      notice('');
      enable(fresh, true);
      cluster.startAll();
    },
    anothers: () => {
      enable(fresh, false);
      notice('Another tab runs this cluster and has its databases. Close it, and this one goes on. The Lab runs in any number of tabs.');
    },
    untold: () => {
      enable(fresh, false);
      notice('Live needs https, or localhost: over plain http a browser gives a page no locks, and a node that may not be alone on its database does not start. The Lab works here: it needs neither.');
    },
  });

  function frame(now: number): void {
    stage.fly({ ...drawn, flights: scene.flights(now) });
    turns.refresh(now);
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

/** What a person must know before anything else. */
function notice(text: string): void {
  part('notice').textContent = text;
  part('notice').hidden = text === '';
}

/** What a person taps on the stage is shown where more is said of it. */
function pick(what: string): void {
  const [kind, number] = what.split(' ');
  const found = document.querySelector<HTMLElement>(kind === 'node' ? `article[data-node="${number}"] .more summary` : `#writes li[data-write="${number}"]`);
  if (kind === 'word') notice(`${number}: ${GLOSSARY[number ?? ''] ?? ''}`);
  found?.scrollIntoView({ block: 'nearest' });
  if (kind === 'node') found?.focus();
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
