// A link to this very moment, and the run as a file that `cargo xtask replay` plays to the same hash.

import { button, make, part } from '../view/dom';
import type { Director } from './director';
import { fragmentOf } from './share';

export class ShareBox {
  private readonly box = part<HTMLDialogElement>('share-box');

  constructor(private readonly director: Director) {
    part('share').addEventListener('click', () => void this.open());
  }

  /** The address of what is shown now. */
  address(): string {
    const { lesson, atUs, lane, story } = this.director.store.state;
    const fragment = story === undefined ? fragmentOf(lesson, atUs, lane, this.director.store.world?.hash ?? '') : `#story=${story.name}`;
    return `${location.origin}${location.pathname}${fragment}`;
  }

  private async open(): Promise<void> {
    const { director } = this;
    director.store.set({ motion: 'STILL' });
    const { lesson, lane } = director.store.state;
    const link = make('input', { readonly: '', id: 'share-link', 'aria-label': 'a link to this moment', value: lesson.run === undefined ? this.address() : location.href });
    const said = make('p', { role: 'status' }, '');
    const copy = button('Copy the link', 'copy', () => {
      link.select();
      navigator.clipboard?.writeText(link.value).then(() => (said.textContent = 'Copied.'), () => (said.textContent = 'Select it and copy it.'));
    });
    const run = await director.run(lane);
    const file = button('Save the run', 'save', () => save(`kraft-run-${director.store.world?.hash.slice(0, 8)}.json`, run));
    const upload = make('input', { type: 'file', accept: 'application/json,.json', id: 'run-file' });
    upload.addEventListener('change', () => void this.load(upload.files?.[0]));
    const close = button('Close', 'close-share', () => this.box.close());
    this.box.replaceChildren(
      make('h2', { id: 'h-share' }, 'Share this moment'), link, make('div', { class: 'hands' }, copy, file), said,
      make('p', { class: 'quiet' }, 'The file is the whole run: cargo xtask replay FILE plays it natively, to the state '),
      make('p', {}, make('code', { id: 'share-hash' }, director.store.world?.hash ?? '')),
      make('label', { class: 'quiet' }, 'Open a run: ', upload), make('div', { class: 'hands' }, close),
    );
    this.box.showModal();
  }

  private async load(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    this.box.close();
    const { director } = this;
    const run = await file.text();
    try {
      const { storm_us: span } = JSON.parse(run) as { storm_us?: unknown };
      if (typeof span !== 'number') throw new Error('it is no run');
    } catch (error) {
      return director.store.set({ notice: `${file.name} cannot be read: ${error instanceof Error ? error.message : String(error)}` });
    }
    director.store.set({ lane: 0, story: undefined, chosen: undefined, seen: 'YES', motion: 'STILL' });
    await director.change({ ...director.store.state.lesson, faults: [], run, name: file.name });
    director.seek(0);
  }
}

export function save(name: string, text: string): void {
  const link = make('a', { href: URL.createObjectURL(new Blob([text], { type: 'application/json' })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
