// Three nodes in this process, on disks of memory, for tests.

import { Hub } from '../channel.js';
import { type Answer, type Asked, Host, type HostOptions, type MembersNow, Refused, type Storage } from '../index.js';
import { MemoryDisk, type Survivors } from '../memory.js';
import { Journal } from './journal.js';

const IDS = [1, 2, 3] as const;

/** Nodes, their disks and the network between them. */
export class Cluster {
  readonly hub = new Hub();
  readonly disks = new Map<number, MemoryDisk>();
  readonly hosts = new Map<number, Host>();
  readonly journals = new Map<number, Journal>();
  /** What each was told of the members, since its first start. */
  readonly told = new Map<number, MembersNow[]>();

  private constructor(private readonly settings: Partial<HostOptions>) {}

  static async start(settings: Partial<HostOptions> = {}): Promise<Cluster> {
    const cluster = new Cluster(settings);
    await Promise.all(IDS.map((id) => cluster.startNode(id)));
    return cluster;
  }

  /** Starts one: of the three, or one that is to join. */
  async startNode(node: number, storage: Storage = this.disk(node).attach()): Promise<void> {
    const journal = new Journal();
    const told = this.told.get(node) ?? [];
    this.told.set(node, told);
    const host = await Host.start({
      cluster: 'test',
      node,
      voters: IDS,
      joins: (IDS as readonly number[]).includes(node) ? 'FIRST' : 'LATER',
      storage,
      channel: this.hub.join(node),
      machine: journal,
      onMembers: (now) => told.push(now),
      ...this.settings,
    });
    this.journals.set(node, journal);
    this.hosts.set(node, host);
  }

  kill(node: number): void {
    this.host(node).kill();
    this.disk(node).kill();
    this.hosts.delete(node);
  }

  cutPower(node: number, survivors: Survivors = 'none'): void {
    this.host(node).kill();
    this.disk(node).cutPower(survivors);
    this.hosts.delete(node);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.stop()));
    this.hosts.clear();
  }

  host(node: number): Host {
    const host = this.hosts.get(node);
    if (host === undefined) throw new Error(`node ${node} is down`);
    return host;
  }

  disk(node: number): MemoryDisk {
    const disk = this.disks.get(node) ?? new MemoryDisk();
    this.disks.set(node, disk);
    return disk;
  }

  journal(node: number): Journal {
    return this.journals.get(node) ?? new Journal();
  }

  /** Who leads the latest term, once somebody does. */
  async leader(): Promise<[number, Host]> {
    for (;;) {
      const leading = [...this.hosts].filter(([, host]) => host.view().role === 'LEADER');
      leading.sort(([, one], [, other]) => other.view().term - one.view().term);
      if (leading[0] !== undefined) return leading[0];
      await pause();
    }
  }

  /** Proposes to whoever leads, again while it is refused for now. */
  async put(command: string, asked: Asked = {}): Promise<Answer> {
    for (;;) {
      const [, host] = await this.leader();
      try {
        return await host.propose(new TextEncoder().encode(command), asked);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        await pause();
      }
    }
  }

  /** Waits until every node that runs has applied what the leader has. */
  async settled(): Promise<void> {
    for (;;) {
      const views = [...this.hosts.values()].map((host) => host.view());
      const last = Math.max(...views.map((view) => view.last));
      if (views.every((view) => view.applied === last)) return;
      await pause();
    }
  }
}

/** A moment for others: conditions are looked at again and again, never waited for by time. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
