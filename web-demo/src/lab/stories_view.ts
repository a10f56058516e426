// Stories and challenges: told on the same tape, one idea at a time, back and again for free.

import { button, make, setText } from '../view/dom';
import type { Director } from './director';
import { FIRST, type Lesson } from './lesson';
import type { State } from './store';
import { STORIES, type Story } from './stories';

const CHALLENGES = {
  LOSE: {
    title: 'Challenge: lose a SYNC · COMMIT write',
    asks: 'Do what you like to the power, the processes, the links and the disks. The client was told yes when two of three disks had the write. Nobody has lost one yet.',
    won: 'You lost an acknowledged SYNC · COMMIT write. That is a bug of kraft: please save the run and report it.',
    open: 'Every write that was acknowledged is still there.',
  },
  LIAR: {
    title: 'Challenge: catch the liar',
    asks: 'The disks of this cluster say that entries are synced, and they are not. As long as nothing happens, nobody notices. Find what makes the checker object.',
    won: 'Caught: the checker objects. A disk that lies about fsync costs what it promised at the next power cut.',
    open: 'No promise is broken so far: the lie has cost nothing yet.',
  },
} as const;

export class StoriesView {
  private static current: StoriesView | undefined;
  private readonly told = make('div', { class: 'told', hidden: '' });
  private readonly list: HTMLElement;
  private asked: 'NO' | 'ASKING' | 'ANSWERED' = 'NO';

  constructor(place: HTMLElement, private readonly director: Director) {
    StoriesView.current = this;
    const stories = STORIES.map((story) => button(story.title, `story-${story.name}`, () => void this.tell(story)));
    const challenges = (['LOSE', 'LIAR'] as const).map((which) => button(CHALLENGES[which].title, `challenge-${which.toLowerCase()}`, () => void this.challenge(which)));
    this.list = make('div', { class: 'hands' }, ...stories, ...challenges);
    place.replaceChildren(this.told, this.list);
    director.store.watch((state, changed) => this.refresh(state, changed));
  }

  static open(name: string): void {
    const story = STORIES.find((one) => one.name === name);
    if (story !== undefined) void this.current?.tell(story);
  }

  private async tell(story: Story): Promise<void> {
    const { director } = this;
    this.asked = 'NO';
    openBox();
    director.store.set({ story, challenge: undefined, lane: 0, chosen: undefined, motion: 'STILL', seen: 'YES', before: undefined });
    const lesson: Lesson = { ...FIRST, nodes: story.run.setup.voters, classes: [story.class], faults: [], run: JSON.stringify(story.run), name: story.title };
    await director.change(lesson, 'WHOLE', 'FORGET');
    this.draw(story);
    director.seek(story.captions[0]?.at_us ?? 0);
    director.play('END');
  }

  private async challenge(challenge: 'LOSE' | 'LIAR'): Promise<void> {
    const { director } = this;
    openBox();
    const lesson: Lesson = { ...FIRST, classes: [{ mode: 'SYNC', fsync: 'COMMIT' }], faults: challenge === 'LOSE' ? FIRST.faults : [], plant: challenge === 'LIAR' ? 'fsync_lies' : undefined };
    director.store.set({ challenge, story: undefined, lane: 0, chosen: undefined, motion: 'STILL', seen: 'YES', before: undefined });
    await director.change(lesson, 'WHOLE', 'FORGET');
    director.seek(3_000_000);
  }

  private refresh(state: State, changed: ReadonlySet<keyof State>): void {
    const { story, challenge } = state;
    if (changed.has('story') || changed.has('challenge')) {
      this.told.hidden = story === undefined && challenge === undefined;
      if (challenge !== undefined) this.drawChallenge(challenge);
    }
    document.body.dataset['secret'] = story !== undefined && this.asked !== 'ANSWERED' ? 'YES' : 'NO';
    if (challenge !== undefined && changed.has('worlds')) this.judge(state);
    if (story === undefined) return;
    if (this.asked === 'NO' && state.motion === 'PLAYING' && state.atUs >= story.question.at_us) {
      this.asked = 'ASKING';
      this.director.store.set({ motion: 'STILL' });
      this.ask(story);
    }
    if (state.motion === 'PLAYING' && state.atUs >= story.until_us) this.director.store.set({ motion: 'STILL' });
  }

  private draw(story: Story): void {
    const stop = button('Stop the story', 'stop-story', () => this.stop());
    const again = button('Again', 'again-story', () => void this.tell(story));
    this.told.replaceChildren(make('h3', {}, story.title), make('div', { class: 'question' }), make('p', { class: 'outcome', role: 'status' }), make('div', { class: 'hands row' }, again, stop));
  }

  private ask(story: Story): void {
    const { question } = story;
    const place = this.told.querySelector('.question');
    const choices = question.choices.map((choice, at) =>
      button(choice, `choice-${at}`, () => {
        this.asked = 'ANSWERED';
        document.body.dataset['secret'] = 'NO';
        place?.replaceChildren(make('p', {}, `${at === question.answer ? '✓ Yes.' : 'Not so.'} ${question.because}`));
        this.director.play('END');
      }),
    );
    place?.replaceChildren(make('p', {}, question.asks), make('div', { class: 'hands' }, ...choices));
    choices[0]?.focus({ preventScroll: true });
  }

  private stop(): void {
    this.director.store.set({ story: undefined, challenge: undefined, motion: 'STILL' });
    this.told.replaceChildren();
    if (location.hash === '') void this.director.change(FIRST, 'WHOLE', 'FORGET').then(() => this.director.select(2));
    else location.hash = '';
  }

  private drawChallenge(which: 'LOSE' | 'LIAR'): void {
    const { title, asks } = CHALLENGES[which];
    this.told.replaceChildren(make('h3', {}, title), make('p', {}, asks), make('p', { class: 'outcome', role: 'status' }), make('div', { class: 'hands row' }, button('Stop the challenge', 'stop-story', () => this.stop())));
  }

  private judge({ challenge, worlds, lesson }: State): void {
    const world = worlds[0];
    if (challenge === undefined || world === undefined) return;
    const lost = world.writes.some(({ told, fate }) => told && fate === 'lost');
    const won = world.violation !== null || (challenge === 'LOSE' && lost);
    const outcome = this.told.querySelector('.outcome');
    if (outcome === null) return;
    outcome.setAttribute('data-won', won ? 'YES' : 'NO');
    setText(outcome, won ? CHALLENGES[challenge].won : lesson.faults.length === 0 && challenge === 'LIAR' ? 'Nothing has befallen the cluster yet.' : CHALLENGES[challenge].open);
  }
}

function openBox(): void {
  const box = document.getElementById('stories-box') as HTMLDetailsElement | null;
  if (box !== null) box.open = true;
}
