// The stage: nodes in a ring, the links between them, and messages under way, coloured by commit mode.
//
// Messages move in every frame and have a drawing of their own: what stands still is not painted again.

import { family } from '../client/words';
import type { Cluster } from '../cluster/cluster';
import type { Member } from '../cluster/member';
import type { Flight } from '../cluster/network';
import { draw, setAttribute, setText } from './dom';

const WIDTH = 420;
const HEIGHT = 300;
const RADIUS = 30;
/** The ring the nodes stand in: half its width, half its height. */
const WIDE = 150;
const TALL = 112;
/** How far beside the middle a message keeps: what goes out and what comes back pass each other. */
const ASIDE = 6;
const LANE = 2.5;

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Lane {
  readonly line: SVGElement;
  readonly from: number;
  readonly to: number;
}

interface Disc {
  readonly disc: SVGElement;
  readonly term: SVGElement;
  readonly member: Member;
}

export class Stage {
  private places: ReadonlyMap<number, Place> = new Map();
  /** A line each way: a link may be cut one way only. */
  private lanes: readonly Lane[] = [];
  private discs: readonly Disc[] = [];
  /** A shape for all messages that look alike: one to lay out and to paint, however many they are. */
  private readonly shapes = new Map<string, SVGElement>();

  constructor(
    private readonly cluster: Cluster,
    private readonly svg: SVGSVGElement,
    private readonly flights: SVGSVGElement,
  ) {
    for (const drawing of [svg, flights]) drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  }

  /** Everything anew: there is a node more. */
  build(): void {
    const { nodes, members } = this.cluster;
    const ring = ringOf(nodes.length);
    this.places = new Map(nodes.map((node, place) => [node, ring[place] ?? { x: 0, y: 0 }]));
    this.lanes = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => this.lane(from, to)));
    this.discs = members.map((member) => this.disc(member));
    this.svg.replaceChildren(
      ...this.lanes.map(({ line }) => line),
      ...this.discs.flatMap(({ disc, term, member }) => [disc, this.name(member.node), term]),
    );
  }

  /** Once a frame. */
  refresh(now: number): void {
    const { network } = this.cluster;
    for (const { line, from, to } of this.lanes) setClass(line, network.isCut(from, to) ? 'link cut' : 'link');
    for (const { disc, term, member } of this.discs) {
      const { life, shown, node } = member;
      const is = life === 'RUNNING' ? (shown?.role ?? 'FOLLOWER') : life;
      setClass(disc, `disc ${is.toLowerCase()} seat-${this.cluster.seatOf(node).toLowerCase()}`);
      setText(term, shown ? `term ${shown.term}` : '');
    }
    this.refreshFlights(now);
  }

  private refreshFlights(now: number): void {
    const drawn = new Map<string, string>();
    const { network } = this.cluster;
    for (const flight of [...network.flights, ...network.takeLanded()]) {
      const name = `flight ${flight.kind.toLowerCase()}${flight.mode === undefined ? '' : ` mode-${family(flight.mode).toLowerCase()}`}`;
      drawn.set(name, (drawn.get(name) ?? '') + this.dot(flight, now));
    }
    for (const name of drawn.keys()) if (!this.shapes.has(name)) this.shapes.set(name, this.shape());
    for (const [name, shape] of this.shapes) {
      setAttribute(shape, 'd', drawn.get(name) ?? '');
      setClass(shape, drawn.has(name) ? name : 'flight none');
    }
  }

  /** A message where it is now. */
  private dot({ from, to, sentAt, dueAt }: Flight, now: number): string {
    const part = Math.min(1, Math.max(0, (now - sentAt) / Math.max(1, dueAt - sentAt)));
    const [a, b] = this.beside(from, to, ASIDE);
    const [x, y] = [a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part];
    return `M${(x - 5).toFixed(1)},${y.toFixed(1)}l5,-5l5,5l-5,5z`;
  }

  private shape(): SVGElement {
    const shape = draw('path');
    this.flights.append(shape);
    return shape;
  }

  private lane(from: number, to: number): Lane {
    const [a, b] = this.beside(from, to, LANE);
    return { line: draw('line', { class: 'link', x1: String(a.x), y1: String(a.y), x2: String(b.x), y2: String(b.y) }), from, to };
  }

  private disc(member: Member): Disc {
    const { x, y } = this.at(member.node);
    const disc = draw('circle', { cx: String(x), cy: String(y), r: String(RADIUS), class: 'disc' });
    const term = draw('text', { x: String(x), y: String(y + 17), class: 'term' });
    return { disc, term, member };
  }

  private name(node: number): SVGElement {
    const { x, y } = this.at(node);
    const name = draw('text', { x: String(x), y: String(y + 1), class: 'name' });
    name.textContent = String(node);
    return name;
  }

  /** From one node to another, so far beside the middle. */
  private beside(from: number, to: number, px: number): [Place, Place] {
    const [a, b] = [this.at(from), this.at(to)];
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const [aside, across] = [((b.y - a.y) / length) * px, (-(b.x - a.x) / length) * px];
    return [{ x: a.x + aside, y: a.y + across }, { x: b.x + aside, y: b.y + across }];
  }

  private at(node: number): Place {
    return this.places.get(node) ?? { x: 0, y: 0 };
  }
}

/** So many places in a ring, the first at the top, with as much room above as below. */
function ringOf(count: number): Place[] {
  const turns = Array.from({ length: count }, (_, place) => (2 * Math.PI * place) / count - Math.PI / 2);
  const lowest = Math.max(...turns.map((turn) => Math.sin(turn)));
  const middle = HEIGHT / 2 + ((1 - lowest) * TALL) / 2;
  return turns.map((turn) => ({ x: WIDTH / 2 + Math.cos(turn) * WIDE, y: middle + Math.sin(turn) * TALL }));
}

function setClass(element: Element, name: string): void {
  setAttribute(element, 'class', name);
}
