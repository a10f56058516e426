// Which class a key's writes have: an ordered list of patterns, the first match deciding, by the core's rules.

import { Zones as Table } from '../pkg/host_wasm.js';
import * as must from './checks/api.js';
import { hold, maybe } from './checks/rules.js';
import { type Class, type CommitMode, type FsyncMode, fsyncCode, fsyncName, modeCode, modeName } from './classes.js';
import { needCore } from './core.js';
import { wordsOf } from './foreign.js';
import { Refused } from './refused.js';

/** A class for the keys of one pattern: `*` stands for any bytes, `?` for one. */
export interface Zone {
  readonly pattern: string;
  /** A part that it does not name is the default's. */
  readonly mode?: CommitMode;
  readonly fsync?: FsyncMode;
  /** With `FLOOR` a request may not ask for less; otherwise it is what the keys get unless asked otherwise. */
  readonly strictness?: 'DEFAULT' | 'FLOOR';
}

/** Zones in their order. A page may ask one by itself, without any node. */
export class Zones {
  private readonly table: Table;

  /** Throws `Refused` where a zone makes no sense, and says which. */
  constructor(readonly listed: readonly Zone[]) {
    hold(listed, 'zones', must.ZONES, 'there are no such zones');
    needCore('there are no such zones');
    this.table = new Table();
    for (const zone of listed) this.add(zone);
  }

  private add({ pattern, mode, fsync, strictness }: Zone): void {
    try {
      this.table.add(pattern, codeOf(mode, modeCode), codeOf(fsync, fsyncCode), strictness === 'FLOOR');
    } catch (error) {
      throw new Refused('INVALID', `there are no such zones: ${wordsOf(error)}`, undefined);
    }
  }

  /** The zone of a key. */
  find(key: string): Zone | undefined {
    hold(key, 'key', must.KEY, 'no zone was looked up');
    return this.listed[this.table.find(bytesOf(key))];
  }

  /**
   * The class that a write of this key gets: each part its own request's, else its zone's, else the
   * default's. Throws `Refused`, `BELOW_FLOOR` where a floor forbids it.
   */
  resolve(asked: { readonly mode?: CommitMode; readonly fsync?: FsyncMode }, key: string | undefined, usual: Class, voters: number): Class {
    hold(asked, 'asked', must.ASKED, NO_CLASS);
    hold(key, 'key', maybe(must.KEY), NO_CLASS);
    hold(usual, 'usual', must.CLASS, NO_CLASS);
    hold(voters, 'voters', must.VOTERS, NO_CLASS);
    const bytes = key === undefined ? undefined : bytesOf(key);
    try {
      const both = this.table.resolve(
        codeOf(asked.mode, modeCode), codeOf(asked.fsync, fsyncCode), bytes, modeCode(usual.mode), fsyncCode(usual.fsync), voters,
      );
      return { mode: modeName(both >> 2), fsync: fsyncName(both & 3) ?? usual.fsync };
    } catch (error) {
      const why = this.table.refusedBy < 0 ? 'INVALID' : 'BELOW_FLOOR';
      throw new Refused(why, wordsOf(error), undefined);
    }
  }
}

const NO_CLASS = 'nothing was written';

function codeOf<T>(value: T | undefined, code: (value: T) => number): number {
  return value === undefined ? -1 : code(value);
}

function bytesOf(key: string): Uint8Array {
  return new TextEncoder().encode(key);
}
