// A story on the page: its steps, one at a time or all in a row, and whether it came out as told.

import type { Client } from '../client/client';
import { Scene } from '../stories/scene';
import { STORIES, type Story } from '../stories';
import { button, make, setText } from './dom';

const PAUSE_MS = 1200;

export class StoryView {
  private scene: Scene | undefined;
  private story: Story | undefined;
  private at = 0;
  private state: 'IDLE' | 'BUSY' = 'IDLE';
  private readonly steps = make('ol', { class: 'steps' });
  private readonly outcome = make('p', { class: 'outcome', role: 'status' });
  private readonly next = button('Next step', 'next', () => void this.step());
  private readonly play = button('Play on', 'play', () => void this.playOn());
  private readonly choices: HTMLButtonElement[];

  constructor(
    private readonly client: Client,
    place: HTMLElement,
  ) {
    this.choices = STORIES.map((story) => button(story.title, story.name, () => this.choose(story)));
    const hands = make('div', { class: 'hands' }, this.next, this.play);
    place.replaceChildren(make('div', { class: 'hands' }, ...this.choices), this.steps, hands, this.outcome);
    this.enable();
  }

  private choose(story: Story): void {
    this.story = story;
    this.scene = new Scene(this.client);
    this.at = 0;
    for (const choice of this.choices) choice.setAttribute('aria-pressed', String(choice.dataset['action'] === story.name));
    this.steps.replaceChildren(...story.steps.map(({ text }) => make('li', {}, text)));
    this.conclude('', '');
    this.enable();
  }

  private async step(): Promise<void> {
    const { story, scene } = this;
    const step = story?.steps[this.at];
    if (this.state === 'BUSY' || scene === undefined || step === undefined) return;
    this.state = 'BUSY';
    this.mark('now');
    this.enable();
    try {
      const said = await step.act(scene);
      this.mark('done');
      this.at += 1;
      if (this.at === story?.steps.length) this.conclude('AS_TOLD', said ?? 'as told');
    } catch (error) {
      this.mark('failed');
      this.at = story?.steps.length ?? 0;
      this.conclude('NOT_AS_TOLD', error instanceof Error ? error.message : String(error));
    }
    this.state = 'IDLE';
    this.enable();
  }

  private async playOn(): Promise<void> {
    const { scene } = this;
    const length = this.story?.steps.length ?? 0;
    // Until it ends, another is chosen, or a hand goes on meanwhile.
    while (this.scene === scene && this.state === 'IDLE') {
      await this.step();
      if (this.at >= length) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  private conclude(outcome: '' | 'AS_TOLD' | 'NOT_AS_TOLD', said: string): void {
    this.outcome.dataset['outcome'] = outcome;
    setText(this.outcome, outcome === '' ? '' : `${outcome === 'AS_TOLD' ? '✔ As told' : '✕ Not as told'}: ${said}`);
  }

  private mark(state: 'now' | 'done' | 'failed'): void {
    this.steps.children[this.at]?.setAttribute('data-step', state);
  }

  private enable(): void {
    const over = this.story === undefined || this.at >= this.story.steps.length;
    this.next.disabled = over || this.state === 'BUSY';
    this.play.disabled = over || this.state === 'BUSY';
    for (const choice of this.choices) choice.disabled = this.state === 'BUSY';
  }
}
