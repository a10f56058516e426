// The ordinary path of SYNC: a majority's disks, then the answer; and the leader may go.

import type { Story } from '.';
import { check } from './scene';

export const sync: Story = {
  name: 'sync',
  title: 'SYNC, the ordinary path',
  steps: [
    { text: 'Three nodes, one leads; every link carries.', act: (scene) => scene.ready() },
    {
      text: 'The client writes user:1 with SYNC · COMMIT. The leader writes its disk and sends to both at once; two disks that hold it are a majority, and the client hears.',
      act: async (scene) => {
        const write = await scene.write('user:1', { mode: 'SYNC', fsync: 'COMMIT' });
        check(write.answer?.held === 'SYNCED', 'it was acknowledged on less than synced copies');
      },
    },
    {
      text: 'The leader is killed right after it answered.',
      act: async (scene) => {
        scene.node = await scene.leader();
        scene.cluster.kill(scene.node);
      },
    },
    {
      text: 'The others elect one of them. Only a node that has the entry can win.',
      act: async (scene) => {
        await scene.leader();
        await scene.fates();
        check(scene.writes[0]?.fate === 'COMMITTED', 'the write is gone');
      },
    },
    {
      text: 'The killed node comes back and follows.',
      act: async (scene) => {
        scene.cluster.start(scene.node);
        await scene.settled();
        return 'the acknowledged write outlived its leader and is on every node';
      },
    },
  ],
};
