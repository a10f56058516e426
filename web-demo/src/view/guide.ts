// "Which mode?": the decision matrix as questions, ending in a preset.

import type { PresetName } from 'kraft-host-wasm';

import { button, make } from './dom';

interface Question {
  readonly asks: string;
  readonly answers: readonly { readonly label: string; readonly then: Question | Advice }[];
}

interface Advice {
  readonly preset: PresetName;
  readonly because: string;
}

const QUESTIONS: Question = {
  asks: 'If a write that was acknowledged went missing, would that matter?',
  answers: [
    {
      label: 'It must not happen',
      then: {
        asks: 'Must every replica have it before you go on?',
        answers: [
          { label: 'Yes, every one', then: { preset: 'financial', because: 'ALL · ALWAYS: every voter’s disk, each write by itself, as a regulator may ask for. One node that is away stops the answers.' } },
          { label: 'A majority will do', then: { preset: 'balanced', because: 'SYNC · COMMIT: a majority’s disks, as Raft has it, for the time that one message there and back and a flush take.' } },
        ],
      },
    },
    {
      label: 'Now and then is fine',
      then: {
        asks: 'Does somebody wait for the answer?',
        answers: [
          { label: 'Yes, and latency counts', then: { preset: 'low_latency', because: 'LEADER_ONLY · BATCH: the leader’s word, the rest follows; for leaders on reliable machines. One that dies first takes the write with it.' } },
          { label: 'No, throughput counts', then: { preset: 'max_throughput', because: 'ASYNC · BATCH: accepted in memory, in order. For what can be made again, or where order counts more than each write: metrics, logs.' } },
        ],
      },
    },
  ],
};

export class Guide {
  constructor(
    private readonly place: HTMLElement,
    private readonly apply: (preset: PresetName) => void,
  ) {
    this.ask(QUESTIONS);
  }

  private ask({ asks, answers }: Question): void {
    const hands = answers.map(({ label, then }) => button(label, 'answer', () => ('asks' in then ? this.ask(then) : this.advise(then))));
    this.show(make('p', {}, asks), hands);
  }

  private advise({ preset, because }: Advice): void {
    this.apply(preset);
    const again = button('Ask again', 'again', () => this.ask(QUESTIONS));
    this.show(make('p', { 'data-preset': preset }, `${because} “Write” asks for it from now on; nodes have the preset’s batches and limits once they are restarted.`), [again]);
  }

  /** Whoever answered by keyboard goes on where the next answer is. */
  private show(says: HTMLElement, hands: readonly HTMLButtonElement[]): void {
    const hadFocus = this.place.contains(document.activeElement);
    this.place.replaceChildren(says, make('div', { class: 'hands' }, ...hands));
    if (hadFocus) hands[0]?.focus();
  }
}
