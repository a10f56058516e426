// Leader crash with LEADER_ONLY: an acknowledged write that no other node has.

import type { Story } from '.';
import { check } from './scene';

export const leaderCrash: Story = {
  name: 'leader-crash',
  title: 'Leader crash with LEADER_ONLY',
  steps: [
    {
      text: 'Three nodes, and two entries that all of them have.',
      act: async (scene) => {
        await scene.ready();
        await scene.write('entry 1', { mode: 'SYNC', fsync: 'COMMIT' });
        await scene.write('entry 2', { mode: 'SYNC', fsync: 'COMMIT' });
        await scene.fates();
      },
    },
    {
      text: 'The leader’s network fails. The client, beside it, writes entry 3 with LEADER_ONLY; the leader writes it and answers.',
      act: async (scene) => {
        scene.node = await scene.leader();
        scene.cluster.network.isolate(scene.node);
        const write = await scene.write('entry 3', { mode: 'LEADER_ONLY', fsync: 'NONE' });
        check(write.answer?.held === 'WRITTEN', 'it was acknowledged on something else than a written copy');
      },
    },
    { text: 'The leader crashes before anything of it was replicated.', act: async (scene) => scene.cluster.kill(scene.node) },
    {
      text: 'The followers elect a new leader. It does not have entry 3, and opens a term of its own.',
      act: async (scene) => {
        await scene.until('another node leads', () => (scene.cluster.leader?.node ?? scene.node) !== scene.node);
      },
    },
    {
      text: 'The crashed node comes back. Its entry 3 stands where the new leader has another entry: it goes. Whoever asks for its fate is told.',
      act: async (scene) => {
        scene.cluster.network.join(scene.node);
        scene.cluster.start(scene.node);
        await scene.settled();
        await scene.fates();
        const [one, two, three] = scene.writes;
        check(one?.fate === 'COMMITTED' && two?.fate === 'COMMITTED', 'an entry that a majority had synced is gone');
        check(three?.fate === 'LOST', `entry 3 was to be lost, and is ${three?.fate}`);
        return 'entry 3 was acknowledged and is lost; entries 1 and 2 are committed';
      },
    },
  ],
};
