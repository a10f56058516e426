// A mark on the tape that is dragged: by mouse, by touch, and by the arrow keys.

import { make, setAttribute, setText } from '../view/dom';

/** One press of an arrow key, and one with shift. */
const KEY_US = 20_000;
const KEY_FAR_US = 200_000;

export interface Moves {
  begin(): void;
  move(atUs: number): void;
  end(): void;
}

export class Handle {
  readonly line = make('div', { class: 'mark' });
  readonly grip: HTMLButtonElement;
  private atUs = 0;
  private state: 'FREE' | 'HELD' = 'FREE';

  constructor(kind: string, label: string, private readonly moves: Moves, private readonly span: () => number, private readonly track: HTMLElement) {
    this.line.classList.add(`mark-${kind}`);
    this.grip = make('button', { type: 'button', class: `grip grip-${kind}`, role: 'slider', 'aria-valuemin': '0', 'aria-label': label });
    this.grip.addEventListener('pointerdown', (event) => {
      if (event.button === 0) this.take(event);
    });
    this.grip.addEventListener('keydown', (event) => this.key(event));
  }

  name(label: string, sign: string): void {
    setAttribute(this.grip, 'aria-label', label);
    setText(this.grip, sign);
  }

  set(atUs: number, says: string): void {
    this.atUs = atUs;
    // Moved, and not laid out anew: the playhead goes in every frame.
    const at = `translateX(${((atUs / this.span()) * 100).toFixed(3)}cqw)`;
    this.line.style.transform = at;
    this.grip.style.transform = `${at} translateX(-50%)`;
    setAttribute(this.grip, 'aria-valuemax', String(Math.round(this.span() / 1000)));
    setAttribute(this.grip, 'aria-valuenow', String(Math.round(atUs / 1000)));
    setAttribute(this.grip, 'aria-valuetext', says);
  }

  /** Until when what it stands for lasts. */
  reach(untilUs: number): void {
    this.line.style.width = `${(((untilUs - this.atUs) / this.span()) * 100).toFixed(3)}%`;
  }

  remove(): void {
    this.line.remove();
    this.grip.remove();
  }

  /** A pointer holds it until it is let go. */
  take(event: PointerEvent): void {
    event.preventDefault();
    this.grip.focus({ preventScroll: true });
    const { left, width } = this.track.getBoundingClientRect();
    // Where it was taken, beside its middle: it does not jump. Pressed elsewhere, it comes.
    const grabbed = event.target === this.grip ? event.clientX - left - (this.atUs / this.span()) * width : 0;
    const to = (clientX: number): number => ((clientX - left - grabbed) / width) * this.span();
    this.state = 'HELD';
    this.moves.begin();
    if (grabbed === 0 && event.target !== this.grip) this.moves.move(to(event.clientX));
    const move = (moved: PointerEvent): void => {
      if (moved.pointerId === event.pointerId) this.moves.move(to(moved.clientX));
    };
    const end = (ended: PointerEvent): void => {
      if (ended.pointerId !== event.pointerId || this.state === 'FREE') return;
      this.state = 'FREE';
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', end);
      removeEventListener('pointercancel', end);
      this.moves.end();
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', end);
    addEventListener('pointercancel', end);
  }

  private key(event: KeyboardEvent): void {
    const far = event.shiftKey ? KEY_FAR_US : KEY_US;
    const by = { ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far }[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? this.span() : by === undefined ? undefined : this.atUs + by;
    // The playhead's own keys are the page's.
    if (to === undefined || this.grip.classList.contains('grip-playhead')) return;
    event.preventDefault();
    event.stopPropagation();
    this.moves.begin();
    this.moves.move(to);
    this.moves.end();
  }
}
