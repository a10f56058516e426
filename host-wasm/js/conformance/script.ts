// What a store is put through: commits, made so that each leaves something to tell it by.

import { Chance } from './chance.js';
import type { Change, Firmness } from '../store.js';

/** One call of `commit`. */
export interface Step {
  readonly changes: readonly Change[];
  readonly firmness: Firmness;
}

/** Steps in order. */
export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Makes changes as a node does: records in order, each of its own bytes. */
class Maker {
  private serial = 0;
  /** The index behind the last entry. */
  private next = 1;
  private covered = 0;
  private term = 0;

  private bytes(length = 8): Uint8Array {
    this.serial += 1;
    return Uint8Array.from({ length }, (_, place) => (this.serial * 31 + place * 7) & 0xff);
  }

  /** A hard state. */
  vote(): Change {
    return { kind: 'hardState', bytes: this.bytes(30) };
  }

  /** A record of so many entries behind the log. */
  append(count: number): Change {
    const first = this.next;
    this.next += count;
    return { kind: 'record', first, bytes: this.bytes(8 + count) };
  }

  /** The same in place of the last `cut` entries. */
  replace(cut: number, count: number): Change {
    this.next = Math.max(this.covered + 1, this.next - cut);
    return this.append(count);
  }

  /** That everything but the last `kept` entries was told as committed: not all of it need be on this disk. */
  committed(kept: number): Change {
    this.term += 1;
    return { kind: 'committed', position: { term: this.term, index: Math.max(1, this.next - 1 - kept) } };
  }

  /** A snapshot of everything but the last `kept` entries. */
  compact(kept: number): Change {
    const last = Math.max(this.covered, this.next - 1 - kept);
    this.covered = last;
    return { kind: 'compact', snapshot: { last, core: this.bytes(5), state: this.bytes(64) } };
  }

  /** Another node's snapshot, `ahead` of the log. */
  install(ahead: number): Change {
    this.covered = this.next - 1 + ahead;
    this.next = this.covered + 1;
    return { kind: 'install', snapshot: { last: this.covered, core: this.bytes(5), state: this.bytes(64) } };
  }
}

const written = (...changes: Change[]): Step => ({ changes, firmness: 'written' });
const synced = (...changes: Change[]): Step => ({ changes, firmness: 'synced' });

/** The scripts that are crashed at every point there is. */
export function fixedScripts(): Script[] {
  const script = (name: string, steps: (make: Maker) => Step[]): Script => ({ name, steps: steps(new Maker()) });
  return [
    script('relaxed entries, then one that is forced', (make) => [
      synced(make.vote()),
      written(make.append(3)),
      written(make.append(1), make.append(2)),
      synced(make.append(2)),
      written(make.append(1)),
      synced(),
      written(make.append(4)),
    ]),
    script('votes between relaxed entries', (make) => [
      synced(make.vote()),
      synced(make.vote()),
      written(make.append(2)),
      synced(make.vote(), make.append(1)),
      written(make.append(1)),
      synced(make.vote()),
    ]),
    script('tails that are replaced', (make) => [
      synced(make.append(6)),
      written(make.replace(3, 1)),
      written(make.append(2), make.replace(4, 2)),
      synced(make.replace(1, 3)),
      written(make.append(5)),
      written(make.replace(2, 2)),
      synced(make.append(1)),
    ]),
    script('what was told as committed, with a log that goes back', (make) => [
      synced(make.append(4)),
      written(make.append(2), make.committed(1)),
      written(make.replace(4, 1), make.committed(0)),
      synced(make.append(1)),
      written(make.committed(0)),
      written(make.replace(2, 3)),
    ]),
    script('snapshots, ours and others', (make) => [
      synced(make.append(4)),
      written(make.append(4)),
      synced(make.compact(2)),
      written(make.append(3)),
      written(make.append(1), make.append(1)),
      synced(make.compact(3)),
      synced(make.compact(0)),
      written(make.append(2)),
      synced(make.install(5)),
      written(make.append(2)),
      written(make.replace(1, 1), make.append(1)),
      synced(make.compact(1)),
    ]),
  ];
}

/** A script of chance. */
export function drawnScript(seed: number): Script {
  const chance = new Chance(seed);
  const make = new Maker();
  const draw = (): Change => {
    const count = 1 + chance.below(4);
    switch (chance.below(12)) {
      case 0:
      case 1:
        return make.vote();
      case 2:
      case 3:
        return make.replace(1 + chance.below(6), count);
      case 4:
        return make.compact(chance.below(4));
      case 5:
        return make.install(1 + chance.below(3));
      default:
        return make.append(count);
    }
  };
  const steps = Array.from({ length: 4 + chance.below(8) }, (): Step => {
    const changes = Array.from({ length: chance.below(4) }, draw);
    // Among what else is written, as a node keeps it.
    if (chance.below(3) === 0) changes.push(make.committed(chance.below(3)));
    const strict = changes.some(({ kind }) => kind !== 'record' && kind !== 'committed');
    return strict || chance.below(3) === 0 ? synced(...changes) : written(...changes);
  });
  return { name: `drawn from seed ${seed}`, steps };
}
