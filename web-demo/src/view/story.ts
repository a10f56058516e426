// A story on the page: its steps, one at a time or all in a row, and whether it came out as told.

import type { Client } from '../client/client';
import { Scene } from '../stories/scene';
import { STORIES, type Story } from '../stories';
import { button, enable, make, setText } from './dom';

const PAUSE_MS = 1200;

const OUTCOMES = { AS_TOLD: '✔ As told', NOT_AS_TOLD: '✕ Not as told', STOPPED: 'Stopped' } as const;

export class StoryView {
  private scene: Scene | undefined;
  private story: Story | undefined;
  private at = 0;
  private state: 'IDLE' | 'BUSY' = 'IDLE';
  private readonly steps = make('ol', { class: 'steps' });
  private readonly outcome = make('p', { class: 'outcome', role: 'status' });
  private readonly next = button('Next step', 'next', () => void this.step());
  private readonly play = button('Play on', 'play', () => void this.playOn());
  private readonly stop = button('Stop', 'stop', () => this.end());
  private readonly choices: HTMLButtonElement[];

  constructor(
    private readonly client: Client,
    place: HTMLElement,
  ) {
    this.choices = STORIES.map((story) => button(story.title, story.name, () => this.choose(story)));
    const hands = make('div', { class: 'hands' }, this.next, this.play, this.stop);
    place.replaceChildren(make('div', { class: 'hands' }, ...this.choices), this.steps, hands, this.outcome);
    this.enable();
  }

  /** A story that waits for what does not come is over when a hand says so. */
  private end(): void {
    this.scene?.stop();
    this.scene = undefined;
    this.at = this.story?.steps.length ?? 0;
    this.state = 'IDLE';
    this.conclude('STOPPED', 'the cluster is as it was left');
    this.enable();
  }

  private choose(story: Story): void {
    this.scene?.stop();
    this.state = 'IDLE';
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
      if (this.scene !== scene) return;
      this.mark('done');
      this.at += 1;
      if (this.at === story?.steps.length) this.conclude('AS_TOLD', said ?? 'as told');
    } catch (error) {
      if (this.scene !== scene) return;
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

  private conclude(outcome: '' | keyof typeof OUTCOMES, said: string): void {
    this.outcome.dataset['outcome'] = outcome;
    setText(this.outcome, outcome === '' ? '' : `${OUTCOMES[outcome]}: ${said}`);
  }

  private mark(state: 'now' | 'done' | 'failed'): void {
    this.steps.children[this.at]?.setAttribute('data-step', state);
  }

  private enable(): void {
    const over = this.story === undefined || this.at >= this.story.steps.length;
    enable(this.next, !over && this.state === 'IDLE');
    enable(this.play, !over && this.state === 'IDLE');
    enable(this.stop, !over);
  }
}
