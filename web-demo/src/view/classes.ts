// A class at one touch: five of them, each with what its acknowledgement rests on.

import type { CommitMode, FsyncMode } from 'kraft-host-wasm';

import { make, setAttribute } from './dom';

interface Class {
  readonly mode: CommitMode;
  readonly fsync: FsyncMode;
  readonly says: string;
}

const CLASSES: readonly Class[] = [
  { mode: 'ASYNC', fsync: 'NONE', says: 'You hear when the leader has it in memory.' },
  { mode: 'LEADER_ONLY', fsync: 'COMMIT', says: 'You hear when the leader’s disk has it.' },
  { mode: 'SYNC', fsync: 'NONE', says: 'You hear when a majority’s systems have it.' },
  { mode: 'SYNC', fsync: 'COMMIT', says: 'You hear when a majority has it on disk.' },
  { mode: 'ALL', fsync: 'COMMIT', says: 'You hear when every node has it on disk.' },
];

export class ClassButtons {
  private readonly buttons: readonly { readonly of: Class; readonly button: HTMLElement }[];

  constructor(place: HTMLElement, choose: (mode: CommitMode, fsync: FsyncMode) => void) {
    this.buttons = CLASSES.map((of) => {
      const name = make('b', {}, `${of.mode} · ${of.fsync}`);
      const button = make('button', { type: 'button', 'data-class': `${of.mode}.${of.fsync}` }, name, make('span', {}, of.says));
      button.addEventListener('click', () => choose(of.mode, of.fsync));
      return { of, button };
    });
    place.replaceChildren(...this.buttons.map(({ button }) => button));
  }

  /** Shows which of them is asked for, if one is. */
  show(mode: string, fsync: string): void {
    for (const { of, button } of this.buttons) {
      setAttribute(button, 'aria-pressed', String(of.mode === mode && of.fsync === fsync));
    }
  }
}
