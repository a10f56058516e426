// Three nodes in one page or process, each with a store of its own; a write as each class asks for.

import { atLeader, Host, Hub, IndexedDbStorage, load, MemoryDisk } from 'kraft-host-wasm';

await load();
const hub = new Hub();
const voters = [1, 2, 3];
const hosts = await Promise.all(
  voters.map((node) => {
    const seen = new Map();
    return Host.start({
      cluster: 'example',
      node,
      voters,
      storage: globalThis.indexedDB ? new IndexedDbStorage() : new MemoryDisk().attach(),
      channel: hub.join(node),
      machine: {
        apply: (command, index) => seen.set(index, new TextDecoder().decode(command)),
        snapshot: () => new TextEncoder().encode(JSON.stringify([...seen])),
        restore: (state) => JSON.parse(new TextDecoder().decode(state)).forEach(([at, it]) => seen.set(at, it)),
      },
    });
  }),
);
const command = new TextEncoder().encode('hello');
for (const mode of ['LEADER_ONLY', 'SYNC', 'ALL']) {
  const { index, held } = await atLeader(hosts, (host) => host.propose(command, { mode, fsync: 'COMMIT' }));
  console.log(`${mode}: entry ${index} is ${held}`);
}
await Promise.all(hosts.map((host) => host.stop()));
