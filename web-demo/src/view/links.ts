// Every link, one way at a time: a button each, in a table from sender to receiver.

import type { Cluster } from '../cluster/cluster';
import { button, make, setAttribute } from './dom';

interface Way {
  readonly from: number;
  readonly to: number;
  readonly hand: HTMLButtonElement;
}

export class Links {
  private ways: readonly Way[] = [];

  constructor(
    private readonly cluster: Cluster,
    private readonly place: HTMLElement,
  ) {}

  /** Everything anew: there is a node more. */
  build(): void {
    const { nodes } = this.cluster;
    this.ways = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => this.way(from, to)));
    const head = make('tr', {}, make('td'), ...nodes.map((to) => make('th', { scope: 'col' }, `to ${to}`)));
    const rows = nodes.map((from) =>
      make('tr', {}, make('th', { scope: 'row' }, `from ${from}`), ...nodes.map((to) => make('td', {}, ...this.hand(from, to)))),
    );
    this.place.replaceChildren(head, ...rows);
    this.refresh();
  }

  refresh(): void {
    for (const { from, to, hand } of this.ways) setAttribute(hand, 'aria-pressed', String(this.cluster.network.isSevered(from, to)));
  }

  private way(from: number, to: number): Way {
    const { network } = this.cluster;
    const hand = button('cut', `cut-${from}-${to}`, () => {
      if (network.isSevered(from, to)) network.mend(from, to);
      else network.sever(from, to);
      this.refresh();
    });
    hand.setAttribute('aria-label', `cut from node ${from} to node ${to}`);
    return { from, to, hand };
  }

  private hand(from: number, to: number): HTMLButtonElement[] {
    return this.ways.filter((way) => way.from === from && way.to === to).map(({ hand }) => hand);
  }
}
