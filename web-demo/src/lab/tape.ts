// The tape: every world of the lesson on one timeline, with the faults as handles that are dragged.

import { make, setAttribute, setText } from '../view/dom';
import { type Director, spanOf } from './director';
import { Handle } from './handle';
import { LaneView } from './lane_view';
import { type Fault, FAULT_FOR_US_MAX, FAULT_FOR_US_MIN, FAULT_US_MAX, FAULT_US_MIN, type Lesson, saidOf, SIGNS, undoneOf } from './lesson';
import type { State } from './store';

const EVENT_US = 10_000;
const RULER_US = 1_000_000;

export class Tape {
  private readonly over = make('div', { class: 'over' });
  private readonly ruler = make('div', { class: 'ruler', 'aria-hidden': 'true' });
  private readonly playhead: Handle;
  private lanes: LaneView[] = [];
  private handles = new Map<string, Handle>();
  private drawnFaults: Lesson['faults'] | undefined;
  private readonly hint = make('p', { class: 'drag-hint', hidden: '' }, 'Drag the ⚡');

  constructor(private readonly place: HTMLElement, private readonly director: Director) {
    this.playhead = new Handle('playhead', 'the moment that is shown', {
      begin: () => director.store.set({ motion: 'STILL', seen: 'YES' }),
      move: (atUs) => director.seek(atUs),
      end: () => undefined,
    }, () => this.span(), this.over);
    this.over.append(this.hint, this.playhead.line, this.playhead.grip);
    place.append(this.over, this.ruler);
    this.over.addEventListener('pointerdown', (event) => this.scrub(event));
    director.store.watch((state, changed) => this.refresh(state, changed));
  }

  private span(): number {
    return spanOf(this.director.store.state.lesson);
  }

  private refresh(state: State, changed: ReadonlySet<keyof State>): void {
    const { lesson, worlds, lane, atUs } = state;
    const classes = this.director.classesOf(lesson);
    if (classes.length !== this.lanes.length) this.build(classes.length);
    if (changed.has('lesson')) {
      this.drawFaults(lesson);
      this.drawRuler();
    }
    if (changed.has('lesson') || changed.has('worlds') || changed.has('lane') || changed.has('before')) {
      this.lanes.forEach((view, at) => view.draw(lesson, classes[at], worlds[at], at === lane, at === lane ? state.before : undefined));
      const rows = this.lanes.map((_, at) => at);
      // On a phone the selected lane is next to the handles, the others are rows below.
      rows.forEach((at) => this.lanes[at]!.place.style.setProperty('--order', String(at === lane ? 0 : at + 2)));
    }
    if (changed.has('atUs')) this.playhead.set(atUs, `${(atUs / 1e6).toFixed(3)} s`);
    if (changed.has('motion') || changed.has('seen') || changed.has('story')) {
      this.hint.hidden = !(state.seen === 'YES' && state.motion === 'STILL' && state.story === undefined && !this.director.canUndo && lesson.faults.length === 1);
      this.placeHint(lesson);
    }
  }

  private build(count: number): void {
    for (const { place } of this.lanes) place.remove();
    this.lanes = Array.from({ length: count }, (_, at) => new LaneView(() => this.director.select(at)));
    this.lanes.forEach(({ place }, at) => place.style.setProperty('--at', String(at)));
    this.place.append(...this.lanes.map(({ place }) => place));
    this.place.style.setProperty('--lanes', String(count));
  }

  private drawRuler(): void {
    const span = this.span();
    const every = span > 20e6 ? 5 * RULER_US : RULER_US;
    const ticks = Array.from({ length: Math.floor(span / every) + 1 }, (_, at) => at * every);
    this.ruler.replaceChildren(
      ...ticks.map((atUs) => {
        const tick = make('span', {}, `${atUs / 1e6}${atUs === 0 ? ' s' : ''}`);
        tick.style.left = `${(atUs / span) * 100}%`;
        return tick;
      }),
    );
  }

  private drawFaults(lesson: Lesson): void {
    if (this.drawnFaults === lesson.faults) return;
    this.drawnFaults = lesson.faults;
    const wanted = new Set(lesson.faults.flatMap(({ id }) => [`${id} at`, `${id} for`]));
    for (const [key, handle] of this.handles) {
      if (wanted.has(key)) continue;
      handle.remove();
      this.handles.delete(key);
    }
    for (const fault of lesson.faults) {
      const { id, deed, atUs, forUs } = fault;
      const strike = this.handle(`${id} at`, 'fault', (fault, to) => ({ ...fault, atUs: clamp(to, FAULT_US_MIN, FAULT_US_MAX) }), id);
      const end = this.handle(`${id} for`, 'undo', (fault, to) => ({ ...fault, forUs: clamp(to - fault.atUs, FAULT_FOR_US_MIN, FAULT_FOR_US_MAX) }), id);
      strike.name(`${saidOf(fault, lesson.nodes)}: when`, SIGNS[deed]);
      end.name(`${undoneOf(deed)}: when`, '▲');
      strike.set(atUs, `${(atUs / 1e6).toFixed(2)} s`);
      end.set(atUs + forUs, `${((atUs + forUs) / 1e6).toFixed(2)} s`);
      strike.reach(atUs + forUs);
    }
    this.placeHint(lesson);
  }

  private placeHint({ faults: [first] }: Lesson): void {
    if (first !== undefined) this.hint.style.left = `${(first.atUs / this.span()) * 100}%`;
  }

  private handle(key: string, kind: 'fault' | 'undo', move: (fault: Fault, to: number) => Fault, id: number): Handle {
    const known = this.handles.get(key);
    if (known !== undefined) return known;
    const { director } = this;
    const change = (to: number, how: 'QUICK' | 'WHOLE'): void => {
      const { lesson } = director.store.state;
      const faults = lesson.faults.map((fault) => (fault.id === id ? move(fault, Math.round(to / EVENT_US) * EVENT_US) : fault));
      void director.change({ ...lesson, faults }, how, 'FORGET');
      const fault = faults.find((one) => one.id === id);
      if (fault !== undefined) director.seek(kind === 'fault' ? fault.atUs : fault.atUs + fault.forUs);
    };
    const made = new Handle(kind, '', {
      begin: () => {
        director.hold();
        director.store.set({ fault: id, seen: 'YES' });
      },
      move: (to) => change(to, 'QUICK'),
      end: () => {
        const { lesson } = director.store.state;
        void director.change(lesson, 'WHOLE', 'FORGET');
      },
    }, () => this.span(), this.over);
    this.handles.set(key, made);
    this.over.append(made.line, made.grip);
    return made;
  }

  /** A press beside the handles puts the playhead there, and takes it along. */
  private scrub(event: PointerEvent): void {
    if (event.target !== this.over || event.button !== 0) return;
    this.playhead.take(event);
  }

  /** The words of the fault that was touched last. */
  static said(element: HTMLElement, fault: Fault | undefined, nodes: number): void {
    setText(element, fault === undefined ? '' : saidOf(fault, nodes));
    setAttribute(element, 'data-fault', String(fault?.id ?? ''));
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
