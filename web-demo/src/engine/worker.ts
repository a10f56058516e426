// The Worker that plays worlds: the simulator as wasm, and a lane for each world on the timeline.

import init, { draw, lab, World } from '../../world/pkg/world.js';
import wasm from '../../world/pkg/world_bg.wasm?url';
import { Lane } from './lane';
import type { Answer, Ask } from './protocol';

const scope = globalThis as unknown as {
  postMessage(answer: Answer): void;
  onmessage: ((event: MessageEvent<Ask>) => void) | null;
};

const loaded = init({ module_or_path: wasm });
const lanes = new Map<number, Lane>();

async function answer(ask: Ask): Promise<Answer> {
  const { memory } = await loaded;
  const { id } = ask;
  if (ask.kind === 'setup') return { kind: 'run', id, run: lab(ask.nodes, BigInt(ask.seed)) };
  if (ask.kind === 'draw') return { kind: 'run', id, run: draw(BigInt(ask.seed)) };
  let lane = lanes.get(ask.lane);
  if (lane === undefined) {
    lane = new Lane((run) => new World(run), () => memory.buffer.byteLength);
    lanes.set(ask.lane, lane);
  }
  switch (ask.kind) {
    case 'tell':
      return { kind: 'told', id, told: lane.tell(ask.run, ask.how) };
    case 'show':
      return { kind: 'shown', id, view: lane.show(ask.atUs) };
    case 'next':
      return { kind: 'next', id, atUs: lane.next(ask.atUs) };
  }
}

scope.onmessage = ({ data }) => {
  answer(data).then(
    (said) => scope.postMessage(said),
    (error: unknown) => scope.postMessage({ kind: 'failed', id: data.id, why: error instanceof Error ? error.message : String(error) }),
  );
};
