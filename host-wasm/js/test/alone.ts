// A cluster of one in this process, which leads.

import { Host, type HostOptions, Hub, MemoryDisk } from '../index.js';
import { pause } from './cluster.js';
import { Journal } from './journal.js';

export async function alone(settings: Partial<HostOptions> = {}): Promise<{ host: Host; hub: Hub; disk: MemoryDisk }> {
  const hub = new Hub();
  const disk = new MemoryDisk();
  const given = { cluster: 'alone', node: 1, voters: [1], storage: disk.attach(), channel: hub.join(1), machine: new Journal() };
  const host = await Host.start({ ...given, ...settings });
  host.campaign();
  while (host.view().role !== 'LEADER' || host.view().commit < host.view().last) await pause();
  return { host, hub, disk };
}
