// Power failure with FSYNC_NONE: a majority had written it, and nobody had synced it.

import type { Story } from '.';
import { check } from './scene';

const BURST = 6;
/** Well within the three seconds after which a node forces what it wrote. */
const DELAY_MS = 30;

export const powerFailure: Story = {
  name: 'power-failure',
  title: 'Power failure with FSYNC_NONE',
  steps: [
    {
      text: 'Three nodes; user:1 is written with SYNC · COMMIT, so that a majority’s disks hold it.',
      act: async (scene) => {
        await scene.ready(DELAY_MS);
        await scene.write('user:1', { mode: 'SYNC', fsync: 'COMMIT' });
        await scene.settled();
      },
    },
    {
      text: `Then ${BURST + 1} writes with SYNC · NONE. Each is acknowledged when a majority’s operating systems have it. Before they are forced, the power fails everywhere. (Simulated: the page takes from each database what only relaxed transactions wrote since the last strict one.)`,
      act: async (scene) => {
        const none = { mode: 'SYNC', fsync: 'NONE' } as const;
        // The first makes every node note on its disk that others rely on copies it has only written.
        await scene.write('event:0', none);
        const burst = await Promise.all(Array.from({ length: BURST }, (_, i) => scene.ask(`event:${i + 1}`, none)));
        await scene.until('the burst is acknowledged', () => burst.every(({ state }) => state !== 'ASKED'));
        check(burst.every(({ answer }) => answer?.held === 'WRITTEN'), 'it was acknowledged on something else than written copies');
        for (const node of scene.cluster.nodes) scene.cluster.cutPower(node);
        await scene.until('every node is dark', () => scene.cluster.members.every(({ isGone }) => isGone));
      },
    },
    {
      text: 'The power is back. Each node finds a shorter log, and knows that it may have forgotten copies somebody relied on: it is suspect. With every vote, the best surviving log wins.',
      act: async (scene) => {
        scene.cluster.startAll();
        await scene.leader();
      },
    },
    {
      text: 'A new term opens where the old entries stood. What became of each write?',
      act: async (scene) => {
        await scene.settled();
        await scene.fates();
        const [first, ...relaxed] = scene.writes;
        const lost = relaxed.filter(({ fate }) => fate === 'LOST').length;
        check(first?.fate === 'COMMITTED', 'the write that a majority had synced is gone');
        check(lost > 0, 'no relaxed write is lost: they were forced before the power failed');
        return `${lost} of ${relaxed.length} acknowledged writes with NONE are lost; the one with COMMIT is not`;
      },
    },
  ],
};
