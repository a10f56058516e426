// What a hand can do to the lesson: choose the fault, add one, take one away; classes, nodes, writes a second.

import { button, make, part } from '../view/dom';
import type { Director } from './director';
import { type Class, type Fault, FAULT_US_MAX, FAULT_US_MIN, FSYNCS, KINDS, type Lesson, MODES, nameOf, NODES, RATES } from './lesson';
import type { State } from './store';

const LANES_MAX = 4;

export class Hands {
  private readonly befall = part('befall');
  private readonly lesson = part('lesson');
  private drawn = { befall: '', lesson: '' };

  constructor(private readonly director: Director) {
    director.store.watch((state, changed) => {
      if (changed.has('lesson') || changed.has('fault') || changed.has('before')) this.refresh(state);
    });
  }

  /** Only what differs: while a hand drags, nothing here does. */
  private refresh(state: State): void {
    const { faults, ...rest } = state.lesson;
    const befall = JSON.stringify([faults.map(({ id, deed, whom }) => [id, deed, whom]), state.fault, this.director.canUndo]);
    const lesson = JSON.stringify(rest);
    if (befall !== this.drawn.befall) this.drawFaults(state);
    if (lesson !== this.drawn.lesson) this.drawLesson(state);
    this.drawn = { befall, lesson };
  }

  private change(patch: Partial<Lesson>): void {
    void this.director.change({ ...this.director.store.state.lesson, ...patch });
  }

  private drawFaults({ lesson, fault }: State): void {
    const focused = document.activeElement?.closest('#befall [data-action]')?.getAttribute('data-action');
    const chosen = lesson.faults.find(({ id }) => id === fault) ?? lesson.faults[0];
    const parts: HTMLElement[] = [];
    if (chosen !== undefined) {
      const kinds = make('select', { 'data-action': 'kind', 'aria-label': 'what befalls the cluster' }, ...KINDS.map(({ label }, at) => make('option', { value: String(at) }, label)));
      kinds.value = String(KINDS.findIndex(({ deed, whom }) => deed === chosen.deed && whom === chosen.whom));
      kinds.addEventListener('change', () => this.turn(chosen, Number(kinds.value)));
      parts.push(kinds, button('Remove', 'remove', () => this.change({ faults: this.director.store.state.lesson.faults.filter(({ id }) => id !== chosen.id) })));
    }
    parts.push(button('Add a fault here', 'add', () => this.add()));
    const undo = button('As it was', 'undo', () => void this.director.undo());
    undo.disabled = !this.director.canUndo;
    parts.push(undo);
    this.befall.replaceChildren(...parts);
    if (focused) this.befall.querySelector<HTMLElement>(`[data-action="${focused}"]`)?.focus();
  }

  private turn({ id: which }: Fault, at: number): void {
    const kind = KINDS[at];
    if (kind === undefined) return;
    const faults = this.director.store.state.lesson.faults.map((one) => (one.id === which ? { ...one, deed: kind.deed, whom: kind.whom, forUs: kind.deed === one.deed ? one.forUs : kind.forUs } : one));
    this.change({ faults });
  }

  /** At the moment that is shown: what has happened stays, what comes is another future. */
  private add(): void {
    const { atUs, lesson: { faults } } = this.director.store.state;
    const id = Math.max(0, ...faults.map(({ id }) => id)) + 1;
    const at = Math.min(FAULT_US_MAX, Math.max(FAULT_US_MIN, Math.round(atUs / 1000) * 1000));
    this.director.store.set({ fault: id });
    this.change({ faults: [...faults, { id, deed: 'kill', whom: 'leader', atUs: at, forUs: 800_000 }] });
  }

  private drawLesson({ lesson }: State): void {
    const { nodes, perSecond, classes, fallback } = lesson;
    const focused = document.activeElement?.closest('#lesson [id]')?.id;
    if (lesson.run !== undefined) {
      this.lesson.replaceChildren(make('p', {}, 'This run was brought along: its cluster and its writes are its own.'), button('Back to the lesson', 'back-to-lesson', () => { location.hash = ''; }));
      return;
    }
    const choice = (id: string, label: string, of: readonly number[], now: number, set: (value: number) => void): HTMLElement => {
      const select = make('select', { id }, ...of.map((one) => make('option', { value: String(one) }, String(one))));
      select.value = String(now);
      select.addEventListener('change', () => set(Number(select.value)));
      return make('label', {}, label, select);
    };
    const settle = button('ALL settles for a majority after 1 s', 'fallback', () => this.change({ fallback: !fallback }));
    settle.setAttribute('aria-pressed', String(fallback));
    this.lesson.replaceChildren(
      choice('lesson-nodes', 'nodes', NODES, nodes, (value) => this.change({ nodes: value })),
      choice('lesson-rate', 'writes a second', RATES, perSecond, (value) => this.change({ perSecond: value })),
      ...classes.map((asked, at) => this.lane(asked, at, classes)),
      ...(classes.length < LANES_MAX ? [button('One more class', 'more', () => this.change({ classes: [...classes, { mode: 'ALL', fsync: 'COMMIT' }] }))] : []),
      settle,
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  private lane(asked: Class, at: number, classes: readonly Class[]): HTMLElement {
    const set = (patch: Partial<Class>): void => this.change({ classes: classes.map((one, place) => (place === at ? { ...one, ...patch } : one)) });
    const select = <T extends string>(id: string, label: string, of: readonly T[], now: T, set: (value: T) => void): HTMLElement => {
      const made = make('select', { id: `${id}-${at}`, 'aria-label': `${label} of world ${at + 1}` }, ...of.map((one) => make('option', { value: one }, one)));
      made.value = now;
      made.addEventListener('change', () => set(made.value as T));
      return made;
    };
    const remove = button('✕', `drop-${at}`, () => this.change({ classes: classes.filter((_, place) => place !== at) }));
    remove.setAttribute('aria-label', `without ${nameOf(asked)}`);
    remove.disabled = classes.length === 1;
    return make('fieldset', {}, make('legend', {}, `world ${at + 1}`), select('mode', 'commit mode', MODES, asked.mode, (mode) => set({ mode })), select('fsync', 'fsync mode', FSYNCS, asked.fsync, (fsync) => set({ fsync })), remove);
  }
}
