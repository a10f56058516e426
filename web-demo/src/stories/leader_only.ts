// The ordinary path of LEADER_ONLY: the answer first, the copies after.

import type { Story } from '.';
import { check } from './scene';

export const leaderOnly: Story = {
  name: 'leader-only',
  title: 'LEADER_ONLY, the ordinary path',
  steps: [
    { text: 'Three nodes, one leads; every link carries.', act: (scene) => scene.ready() },
    {
      text: 'The client writes session:1 with LEADER_ONLY · NONE. It hears as soon as the leader has written it: no message has arrived anywhere yet.',
      act: async (scene) => {
        const write = await scene.write('session:1', { mode: 'LEADER_ONLY', fsync: 'NONE' });
        check(write.answer?.held === 'WRITTEN', 'it was acknowledged on something else than a written copy');
      },
    },
    {
      text: 'Until a majority has synced it, the entry is at risk: watch the chart. Replication goes on in the background.',
      act: async (scene) => {
        await scene.fates();
        check(scene.writes[0]?.fate === 'COMMITTED', 'the write is gone');
        return 'acknowledged by one node, committed by a majority a moment later';
      },
    },
  ],
};
