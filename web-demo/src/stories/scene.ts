// What a story does to the cluster, and what it waits for.

import type { Class } from 'kraft-host-wasm';

import type { Client } from '../client/client';
import type { Write } from '../client/ledger';
import type { Cluster } from '../cluster/cluster';

const LOOK_MS = 30;
const WAIT_MS_MAX = 20_000;

export class Scene {
  /** Writes a step has made for a later one to ask about. */
  readonly writes: Write[] = [];
  /** A node a step has dealt with for a later one to come back to. */
  node = 0;

  readonly cluster: Cluster;
  private state: 'TOLD' | 'STOPPED' = 'TOLD';

  constructor(private readonly client: Client) {
    this.cluster = client.cluster;
  }

  /** Whatever it waits for, it waits no longer. */
  stop(): void {
    this.state = 'STOPPED';
  }

  get isStopped(): boolean {
    return this.state === 'STOPPED';
  }

  /** Everything runs and is linked, messages take so long, one node leads, and all have its log. */
  async ready(delayMs: number = this.cluster.pace.delay): Promise<void> {
    this.cluster.heal();
    this.cluster.network.delayMs = delayMs;
    await this.until('every node is gone or runs', () => this.cluster.members.every(({ life }) => life !== 'STARTING' && !this.isFalling(life)));
    this.cluster.startAll();
    await this.settled();
  }

  /** Every member has what the leader has, applied. */
  async settled(): Promise<void> {
    await this.until('every node has the leader’s log', () => {
      const { leader, members } = this.cluster;
      if (leader === undefined) return false;
      const { last } = leader.log.marks;
      return members.every(({ node, life, shown, log: { marks } }) => {
        if (this.cluster.seatOf(node) === 'NONE') return true;
        return life === 'RUNNING' && shown?.term === leader.shown?.term && marks.applied === last && marks.synced === last;
      });
    });
  }

  async leader(): Promise<number> {
    await this.until('a node leads', () => this.cluster.leader !== undefined);
    return this.cluster.leader?.node ?? 0;
  }

  /** Asks for a write, and goes on once it is answered. One that was refused was not done: a client asks again. */
  async write(key: string, asked: Class): Promise<Write> {
    for (;;) {
      const write = await this.ask(key, asked);
      await this.until(`${key} is answered`, () => write.state !== 'ASKED');
      if (write.state !== 'REFUSED') {
        check(write.answer?.grade === 'AS_ASKED', `${key} was not held as asked`);
        return write;
      }
      this.writes.splice(this.writes.indexOf(write), 1);
    }
  }

  /** Asks for a write as soon as somebody leads. */
  async ask(key: string, asked: Class): Promise<Write> {
    await this.leader();
    const write = this.client.propose({ key, ...asked });
    if (write === undefined) throw new Error('nobody leads');
    this.writes.push(write);
    return write;
  }

  /** Goes on once the fate of every write of the story is known. */
  async fates(): Promise<void> {
    await this.until('every fate is known', () => this.writes.every(({ fate }) => fate !== 'PENDING'));
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    const end = performance.now() + WAIT_MS_MAX;
    while (!isSo()) {
      if (this.isStopped) throw new Error('it was stopped');
      if (performance.now() > end) throw new Error(`it did not come about that ${what}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  private isFalling(life: string): boolean {
    return life === 'DARK' && this.cluster.members.some((member) => member.life === 'DARK' && !member.isGone);
  }
}

export function check(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}
