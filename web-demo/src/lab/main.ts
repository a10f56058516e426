// The lab: worlds told by the simulator, on one tape, and one loop that draws.

import '../base.css';
import '../stage/stage.css';
import './lab.css';

import { StageView } from '../stage/stage';
import { LogTable } from '../stage/table';
import { part, setText } from '../view/dom';
import { hearsWhen } from './captions';
import { ContractTable } from './contract';
import { Director, spanOf } from './director';
import { Explain } from './explain';
import { Hands } from './hands';
import { keys } from './keys';
import { FIRST, nameOf } from './lesson';
import { ghostsOf, snapshotOf, writesOf } from './scene';
import { ShareBox } from './share_box';
import { readFragment } from './share';
import { Store } from './store';
import { StoriesView } from './stories_view';
import { Tape } from './tape';
import { Transport } from './transport';
import { VerdictView } from './verdict';

/** How long before the first fault a telling begins. */
const LEAD_US = 1_150_000;
/** An ask and an answer are seen on their way for so long, whatever the speed. */
const GOING_MS = 260;
const GOING_US_MAX = 60_000;
/** Up to this speed chips sink and slide. */
const EASED_SPEED_MAX = 0.6;
const LOGS_MS = 120;

const store = new Store();
const director = new Director(store);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

function pick(what: string): void {
  const [kind, ...numbers] = what.split(' ');
  const [first = 0] = numbers.map(Number);
  if (kind === 'write') store.set({ chosen: { kind: 'write', ask: first } });
  if (kind === 'word') store.set({ chosen: { kind: 'word', word: numbers[0] ?? '' } });
  if (kind === 'node') store.set({ chosen: { kind: 'node', node: first } });
  if (kind === 'message') {
    const message = store.state.view?.messages.find(({ number, from, to, sent_us }) => [number, from, to, sent_us].join(' ') === numbers.join(' '));
    if (message !== undefined) store.set({ chosen: { kind: 'message', message } });
  }
}

/** From the beginning of what is worth seeing. */
function begin(): void {
  const first = store.state.lesson.faults[0]?.atUs ?? 1_500_000;
  director.seek(Math.max(0, first - LEAD_US));
  store.set({ seen: 'NO' });
  if (calm.matches) {
    // Steps without flight: the moment before the fault, and the hands to go on.
    director.seek(first - 1000);
    store.set({ seen: 'YES' });
  } else director.play('VERDICT');
}

const stage = new StageView(part('stage'), pick);
const logs = new LogTable(part('logs'), pick);
let logsAt = 0;

function drawScene(how: 'EASED' | 'STILL'): void {
  const { view, lane, lesson } = store.state;
  const { world } = store;
  if (view === undefined || world === undefined) return;
  const writes = writesOf(world, spanOf(lesson));
  const speed = director.speedNow();
  const snapshot = snapshotOf({ view, told: world, writes, atUs: view.now_us, asked: director.classesOf(lesson)[lane], goingUs: Math.min(GOING_US_MAX, Math.max(3000, GOING_MS * 1000 * speed)) });
  stage.draw(snapshot, how);
  // While the world runs the logs are read by nobody: a few times a second is enough.
  const now = performance.now();
  if (store.state.motion === 'PLAYING' && speed > EASED_SPEED_MAX && now - logsAt < LOGS_MS) return;
  logsAt = now;
  logs.draw(snapshot, ghostsOf(writes, view.now_us));
}

store.watch((state, changed) => {
  // What goes by fast does not ease: the next moment is there before it has.
  const eases = state.motion === 'PLAYING' && !calm.matches && director.speedNow() <= EASED_SPEED_MAX;
  if (changed.has('view') || (changed.has('motion') && state.motion === 'STILL')) drawScene(eases ? 'EASED' : 'STILL');
  if (changed.has('lane') || changed.has('lesson')) {
    const asked = director.classesOf(state.lesson)[state.lane];
    setText(part('scene-title'), asked === undefined ? `A drawn cluster, its clients and its faults: ${state.lesson.name}` : `${nameOf(asked)}: the client hears yes ${hearsWhen(asked, state.lesson.nodes)}`);
  }
  if (changed.has('notice')) {
    setText(part('notice'), state.notice);
    part('notice').hidden = state.notice === '';
  }
});

new Tape(part('tape'), director);
new Transport(director, begin);
new VerdictView(director);
new Explain(part('explain'), director);
new ContractTable(part('contract'), store);
new Hands(director);
new StoriesView(part('stories'), director);
new ShareBox(director);
keys(director);

async function open(): Promise<void> {
  const shared = readFragment(location.hash);
  store.set({ notice: shared?.warning ?? '', before: undefined, chosen: undefined, story: undefined, challenge: undefined });
  if (shared?.drawn !== undefined) {
    const run = await director.draw(shared.drawn);
    store.set({ lane: 0 });
    await director.change({ ...FIRST, faults: [], run, name: `the run of seed ${shared.drawn}` }, 'WHOLE', 'FORGET');
    // Where it shows what the contract says of it: at a write that was acknowledged and is lost.
    const lost = store.world?.writes.find(({ told, fate }) => told && fate === 'lost');
    director.seek(lost?.answeredUs ?? 0);
    if (lost !== undefined) store.set({ chosen: { kind: 'write', ask: lost.ask } });
    store.set({ seen: 'YES' });
    return;
  }
  if (shared?.story !== undefined) return StoriesView.open(shared.story);
  store.set({ lane: shared?.lane ?? 2 });
  await director.change(shared?.lesson ?? FIRST, 'WHOLE', 'FORGET');
  if (shared?.atUs !== undefined && shared.warning === undefined) {
    director.seek(shared.atUs);
    store.set({ seen: 'YES' });
    const hash = store.world?.hash ?? '';
    if (shared.hash !== '' && !hash.startsWith(shared.hash)) store.set({ notice: 'This link was made by another build of the simulator: its run ends otherwise here.' });
    return;
  }
  begin();
}

document.body.classList.toggle('embed', new URLSearchParams(location.search).has('embed'));
addEventListener('hashchange', () => void open());
void open();

if (import.meta.env.PROD) void navigator.serviceWorker?.register('./sw.js').catch(() => undefined);
