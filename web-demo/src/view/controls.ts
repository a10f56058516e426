// The client's and the operator's hands: write, load, presets, zones, links.

import type { CommitMode, PresetName } from 'kraft-host-wasm';

import type { Ask, Client } from '../client/client';
import { FSYNCS, isFsync, isMode, PRESETS } from '../client/words';
import { readZones, ZONES_AT_FIRST } from '../client/zones';
import { type Cluster, NODES_MAX } from '../cluster/cluster';
import { ClassButtons } from './classes';
import { button, make, part, setAttribute, setText } from './dom';

const BURST = 20;
/** Writes a second of the steady load: slow enough to follow, and fast enough to fill batches. */
const RATES = [5, 25, 100];
const LOAD_MS = 40;
/** Timers come late on a busy machine: so many writes are made up for, and no more. */
const OWED_MAX = 50;

export class Controls {
  private readonly mode = part<HTMLSelectElement>('mode');
  private readonly fsync = part<HTMLSelectElement>('fsync');
  private readonly key = part<HTMLInputElement>('key');
  private readonly fallback = part<HTMLSelectElement>('fallback');
  private readonly rate = part<HTMLSelectElement>('rate');
  private readonly classes: ClassButtons;
  private load: ReturnType<typeof setInterval> | undefined;

  private readonly cluster: Cluster;

  constructor(private readonly client: Client) {
    const { cluster } = client;
    this.cluster = cluster;
    const some = Array.from({ length: cluster.founders - 1 }, (_, i): CommitMode => `AT_LEAST_${i + 2}`);
    const modes: CommitMode[] = ['ASYNC', 'LEADER_ONLY', ...some, 'SYNC', 'ALL'];
    this.mode.replaceChildren(option('', 'by zone'), ...modes.map((mode) => option(mode, mode)));
    this.fsync.replaceChildren(option('', 'by zone'), ...FSYNCS.map((fsync) => option(fsync, fsync)));
    this.classes = new ClassButtons(part('classes'), (mode, fsync) => {
      this.mode.value = mode;
      this.fsync.value = fsync;
      this.explain();
    });
    part<HTMLFormElement>('write').addEventListener('submit', (event) => {
      event.preventDefault();
      this.write(1);
    });
    part('burst').addEventListener('click', () => this.write(BURST));
    part('load').addEventListener('click', () => this.toggleLoad());
    part('heal').addEventListener('click', () => cluster.heal());
    part('split').addEventListener('click', () => cluster.split());
    part('all-power').addEventListener('click', () => cluster.nodes.forEach((node) => cluster.cutPower(node)));
    part('all-start').addEventListener('click', () => cluster.startAll());
    part('add').addEventListener('click', () => cluster.addNode());
    part('rate').replaceChildren(...RATES.map((rate) => option(String(rate), `${rate} a second`)));
    this.presets();
    this.delay();
    this.zones();
    for (const one of [this.key, this.mode, this.fsync]) one.addEventListener('input', () => this.explain());
    this.explain();
  }

  /** Shows what else than a hand may have changed. */
  refresh(): void {
    const { delayMs } = this.cluster.network;
    const slider = part<HTMLInputElement>('delay');
    if (Number(slider.value) !== delayMs) slider.value = String(delayMs);
    setText(part('delay-now'), `${delayMs} ms`);
    setAttribute(part('split'), 'aria-pressed', String(this.cluster.network.isSplit));
    this.explain();
    const add = part<HTMLButtonElement>('add');
    const isFull = this.cluster.nodes.length >= NODES_MAX;
    if (add.disabled !== isFull) add.disabled = isFull;
  }

  /** A preset's class becomes the cluster's default. */
  preset(name: PresetName, by: 'HAND' | 'START' = 'HAND'): void {
    this.cluster.preset = name;
    for (const one of part('presets').children) one.setAttribute('aria-pressed', String(one.getAttribute('data-action') === name));
    const { mode, fsync } = this.client.usual;
    setText(part('default'), `${mode} · ${fsync}`);
    if (by === 'START') return;
    // And what “Write” asks for: a preset that changed nothing about the next write would be a lie.
    this.mode.value = mode;
    this.fsync.value = fsync;
    this.explain();
  }

  /** What the next write asks for, and why. */
  private explain(): void {
    this.classes.show(this.mode.value, this.fsync.value);
    setText(part('asks'), this.client.explain(this.asked()));
  }

  private asked(): Ask {
    return {
      key: this.key.value.trim() || 'key',
      mode: isMode(this.mode.value) ? this.mode.value : undefined,
      fsync: isFsync(this.fsync.value) ? this.fsync.value : undefined,
      fallback: this.fallback.value === 'TO_MAJORITY' ? 'TO_MAJORITY' : 'REFUSE',
    };
  }

  private write(count: number): void {
    const asked = this.asked();
    for (let i = 0; i < count; i++) this.client.propose(asked);
  }

  private toggleLoad(): void {
    if (this.load === undefined) {
      let done = performance.now();
      this.load = setInterval(() => {
        const each = 1000 / Number(this.rate.value);
        const now = performance.now();
        const owed = Math.floor((now - done) / each);
        done = owed > OWED_MAX ? now : done + owed * each;
        if (this.cluster.leader) this.write(Math.min(owed, OWED_MAX));
      }, LOAD_MS);
    } else {
      clearInterval(this.load);
      this.load = undefined;
    }
    part('load').setAttribute('aria-pressed', String(this.load !== undefined));
  }

  private presets(): void {
    part('presets').replaceChildren(...PRESETS.map((name) => button(name.replace('_', ' '), name, () => this.preset(name))));
    this.preset(this.cluster.preset, 'START');
  }

  private delay(): void {
    const slider = part<HTMLInputElement>('delay');
    slider.addEventListener('input', () => {
      this.cluster.network.delayMs = Number(slider.value);
    });
    this.refresh();
  }

  private saidZones(): void {
    setText(part('zones-said'), `${this.client.zones.listed.length} zones in force`);
  }

  private zones(): void {
    const text = part<HTMLTextAreaElement>('zones');
    text.value = ZONES_AT_FIRST;
    this.saidZones();
    text.addEventListener('input', () => {
      try {
        this.client.zones = readZones(text.value);
        this.saidZones();
        this.explain();
      } catch (error) {
        setText(part('zones-said'), `not in force: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }
}

function option(value: string, label: string): HTMLOptionElement {
  return make('option', { value }, label);
}
