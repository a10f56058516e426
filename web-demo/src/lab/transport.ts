// The hands of time: play, an event at a time, how fast, and the sentence of the moment.

import { button, make, part, setAttribute, setText } from '../view/dom';
import { captionAt, type Caption, captionsOf } from './captions';
import { type Director, spanOf } from './director';
import { writesOf } from './scene';

/** The slider goes from a hundredth to four times as fast, by powers. */
const SLOWEST = -2;
const FASTEST = 0.6;

export class Transport {
  private captions: readonly Caption[] = [];

  constructor(private readonly director: Director, again: () => void) {
    const { store } = director;
    const play = button('Play', 'play', () => (store.state.motion === 'PLAYING' ? director.pause() : director.play('END')));
    const back = button('‹ event', 'back', () => void director.step(-1, 'EVENT'));
    const on = button('event ›', 'on', () => void director.step(1, 'EVENT'));
    back.setAttribute('aria-label', 'back to the event before');
    on.setAttribute('aria-label', 'on to the next event');
    const story = button('↺', 'again', again);
    story.setAttribute('aria-label', 'from the beginning');
    const slider = make('input', { type: 'range', id: 'speed', min: String(SLOWEST), max: String(FASTEST), step: '0.1', value: '-0.2' });
    const says = make('output', { for: 'speed' });
    const follow = button('follow', 'follow', () => store.set({ speed: store.state.speed === 'FOLLOW' ? 10 ** Number(slider.value) : 'FOLLOW' }));
    follow.title = 'fast while nothing happens, slow around faults and elections';
    slider.addEventListener('input', () => store.set({ speed: 10 ** Number(slider.value) }));
    part('time').replaceChildren(story, back, play, on, make('label', { class: 'speed' }, make('span', {}, 'speed'), slider, says), follow);
    const clock = part('clock');
    const caption = part('caption');
    store.watch((state, changed) => {
      if (changed.has('motion')) setText(play, state.motion === 'PLAYING' ? 'Pause' : 'Play');
      setAttribute(play, 'data-motion', state.motion);
      setAttribute(follow, 'aria-pressed', String(state.speed === 'FOLLOW'));
      if (changed.has('speed') || changed.has('atUs')) setText(says, state.speed === 'FOLLOW' ? `${trim(director.speedNow())}×` : `${trim(state.speed)}×`);
      if (changed.has('worlds') || changed.has('lane') || changed.has('lesson') || changed.has('story')) this.captions = this.written();
      setText(clock, `${(state.atUs / 1e6).toFixed(3)} s`);
      const said = captionAt(this.captions, state.atUs);
      setText(caption, said?.text ?? '');
      setAttribute(caption, 'data-tone', said?.tone ?? 'PLAIN');
    });
  }

  private written(): readonly Caption[] {
    const { store } = this.director;
    const { lesson, lane } = store.state;
    const { world } = store;
    if (world === undefined) return [];
    const { story } = store.state;
    if (story !== undefined) return story.captions.map(({ at_us: atUs, text }): Caption => ({ atUs, text, tone: 'PLAIN' }));
    return captionsOf(lesson, world, writesOf(world, spanOf(lesson)), this.director.classesOf(lesson)[lane]);
  }
}

function trim(speed: number): string {
  return speed < 0.095 ? speed.toFixed(2) : speed.toFixed(1);
}
