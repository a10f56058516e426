// How nodes reach each other: bytes to a node's number, with no promise that they arrive.

import { NODE, PAIR, PORT, PORTS, WORK } from './checks/api.js';
import { hold } from './checks/rules.js';
import type { CommitMode, FsyncMode, MessageKindName } from './classes.js';
import { Refused } from './refused.js';

/** A message to or from another node. */
export interface Message {
  /** What the core says. */
  readonly frame: Uint8Array;
  /** The host's own bytes of a snapshot, where the frame brings one. */
  readonly state?: Uint8Array;
}

/** What a message is about: for a channel that sends the urgent first, or a page that shows it. */
export interface About {
  readonly kind: MessageKindName;
  /** How many entries it brings, and the strongest modes among them, where it brings any. */
  readonly entries: number;
  readonly mode: CommitMode | undefined;
  readonly fsync: FsyncMode | undefined;
}

/** What hears messages. `from` is the channel's own word for who sent it, not the message's. */
export type Listener = (from: number, message: Message) => void;

/** One node's end of the network. */
export interface Channel {
  /** Whose end it is, where it knows. */
  readonly node?: number;
  /** Sends, or drops: to nobody, or where there is no room, or by throwing. Never waits. */
  send(to: number, message: Message, about: About): void;
  /** Hears from now on; once. */
  listen(listener: Listener): void;
  close(): void;
}

/** The nodes of one page or process, without any Worker between them. */
export class Hub {
  private readonly ends = new Map<number, HubChannel>();
  private readonly cut = new Set<string>();

  /** The end of a node, one at a time: it joins again once that is closed, as it is when its node ends. */
  join(node: number): Channel {
    hold(node, 'node', NODE, 'nobody joined');
    if (this.ends.has(node)) {
      throw new Refused('INVALID', `nobody joined: node ${node} has; stop that node, or close the channel it has, first`, undefined);
    }
    const end = new HubChannel(this, node);
    this.ends.set(node, end);
    return end;
  }

  /** Messages between two nodes are lost from now on. */
  sever(one: number, other: number): void {
    for (const node of [one, other]) hold(node, 'node', NODE, 'nothing was severed');
    this.cut.add(`${one} ${other}`).add(`${other} ${one}`);
  }

  /** Every link carries again. */
  heal(): void {
    this.cut.clear();
  }

  /** @internal */
  carry(from: number, to: number, message: Message): void {
    // Later, as on any network: a node is never called from within its own call.
    queueMicrotask(() => {
      if (!this.cut.has(`${from} ${to}`)) this.ends.get(to)?.hear(from, message);
    });
  }

  /** @internal */
  leave(end: HubChannel, node: number): void {
    if (this.ends.get(node) === end) this.ends.delete(node);
  }
}

class HubChannel implements Channel {
  private state: State = 'OPEN';
  private listener: Listener | undefined;

  constructor(
    private readonly hub: Hub,
    readonly node: number,
  ) {}

  send(to: number, message: Message): void {
    this.hub.carry(this.node, to, message);
  }

  listen(listener: Listener): void {
    hold(listener, 'listener', WORK, 'nobody listens');
    needOpen(this.state);
    this.listener = listener;
  }

  hear(from: number, message: Message): void {
    this.listener?.(from, message);
  }

  close(): void {
    this.state = 'CLOSED';
    this.listener = undefined;
    this.hub.leave(this, this.node);
  }
}

/** A node in a Worker: one MessagePort for each of the others. */
export class PortChannel implements Channel {
  private readonly ports = new Map<number, MessagePort>();
  private state: State = 'OPEN';
  private listener: Listener | undefined;

  constructor(ports: Iterable<readonly [number, MessagePort]> = []) {
    hold(ports, 'ports', PORTS, 'nobody was connected');
    for (const pair of ports) {
      hold(pair, 'ports', PAIR, 'nobody was connected');
      this.connect(...pair);
    }
  }

  /** Reaches a node by this port from now on: a new one, or one that was started again. */
  connect(node: number, port: MessagePort): void {
    hold(node, 'node', NODE, 'nobody was connected');
    hold(port, 'port', PORT, 'nobody was connected');
    needOpen(this.state);
    this.ports.get(node)?.close();
    this.ports.set(node, port);
    port.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (isMessage(data)) this.listener?.(node, data);
    };
  }

  send(to: number, message: Message): void {
    // The bytes are made for this message alone, so they move instead of being copied.
    const moved = [message.frame.buffer];
    this.ports.get(to)?.postMessage(message, moved as Transferable[]);
  }

  listen(listener: Listener): void {
    hold(listener, 'listener', WORK, 'nobody listens');
    needOpen(this.state);
    this.listener = listener;
  }

  close(): void {
    this.state = 'CLOSED';
    for (const port of this.ports.values()) port.close();
    this.ports.clear();
    this.listener = undefined;
  }
}

type State = 'OPEN' | 'CLOSED';

/** A channel ends with its node: another node, or another life of it, would hear nobody there. */
function needOpen(state: State): void {
  if (state === 'CLOSED') throw new Refused('INVALID', 'nobody is reached: this channel is closed; make another', undefined);
}

function isMessage(data: unknown): data is Message {
  if (typeof data !== 'object' || data === null) return false;
  const { frame, state } = data as Partial<Message>;
  return frame instanceof Uint8Array && (state === undefined || state instanceof Uint8Array);
}
