// The stage: nodes in a ring, their links, and messages under way, coloured by commit mode.

import type { Cluster } from '../cluster/cluster';
import type { Flight } from '../cluster/network';
import { draw, setAttribute, setText } from './dom';

const WIDTH = 420;
const HEIGHT = 300;
const RADIUS = 30;

interface Place {
  readonly x: number;
  readonly y: number;
}

export class Stage {
  private readonly places: readonly Place[];
  private readonly links: { line: SVGLineElement; one: number; other: number }[] = [];
  private readonly discs: { disc: SVGCircleElement; term: SVGTextElement; node: number }[] = [];
  /** A shape for all messages that look alike: one to lay out and to paint, however many they are. */
  private readonly shapes = new Map<string, SVGElement>();
  private readonly layer = draw('g');

  constructor(
    private readonly cluster: Cluster,
    svg: SVGSVGElement,
  ) {
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.replaceChildren();
    this.places = cluster.voters.map((node) => placeOf(node, cluster.size));
    for (const one of cluster.voters) {
      for (const other of cluster.voters.filter((node) => node > one)) {
        const line = draw('line', { class: 'link', ...ends(this.at(one), this.at(other)) });
        this.links.push({ line, one, other });
        svg.append(line);
      }
    }
    svg.append(this.layer);
    for (const node of cluster.voters) svg.append(...this.disc(node));
  }

  /** Once a frame. */
  refresh(now: number): void {
    for (const { line, one, other } of this.links) setClass(line, this.cluster.network.isCut(one, other) ? 'link cut' : 'link');
    for (const { disc, term, node } of this.discs) {
      const member = this.cluster.find(node);
      const role = member?.life === 'RUNNING' ? (member.report?.view.role ?? 'FOLLOWER') : (member?.life ?? 'ENDED');
      setClass(disc, `disc ${role.toLowerCase()}`);
      setText(term, member?.report ? `term ${member.report.view.term}` : '');
    }
    this.refreshFlights(now);
  }

  private refreshFlights(now: number): void {
    const drawn = new Map<string, string>();
    const { network } = this.cluster;
    for (const flight of [...network.flights, ...network.takeLanded()]) {
      const name = `flight ${flight.kind.toLowerCase()}${flight.tag === undefined ? '' : ` mode-${flight.tag.toLowerCase()}`}`;
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
    const [a, b] = [this.at(from), this.at(to)];
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    // Beside the line, so that what goes out and what comes back pass each other.
    const [aside, across] = [((b.y - a.y) / length) * 6, (-(b.x - a.x) / length) * 6];
    const [x, y] = [a.x + (b.x - a.x) * part + aside, a.y + (b.y - a.y) * part + across];
    return `M${(x - 5).toFixed(1)},${y.toFixed(1)}l5,-5l5,5l-5,5z`;
  }

  private shape(): SVGElement {
    const shape = draw('path');
    this.layer.append(shape);
    return shape;
  }

  private disc(node: number): SVGElement[] {
    const { x, y } = this.at(node);
    const disc = draw('circle', { cx: String(x), cy: String(y), r: String(RADIUS), class: 'disc' });
    const name = draw('text', { x: String(x), y: String(y + 1), class: 'name' });
    name.textContent = String(node);
    const term = draw('text', { x: String(x), y: String(y + 17), class: 'term' });
    this.discs.push({ disc, term, node });
    return [disc, name, term];
  }

  private at(node: number): Place {
    return this.places[node - 1] ?? { x: 0, y: 0 };
  }
}

function placeOf(node: number, size: number): Place {
  const angle = (2 * Math.PI * (node - 1)) / size - Math.PI / 2;
  return { x: WIDTH / 2 + Math.cos(angle) * 150, y: HEIGHT / 2 + 12 + Math.sin(angle) * 112 };
}

function ends(one: Place, other: Place): Record<string, string> {
  return { x1: String(one.x), y1: String(one.y), x2: String(other.x), y2: String(other.y) };
}

function setClass(element: Element, name: string): void {
  setAttribute(element, 'class', name);
}
