// Two peers: the upstream reached directly over HTTPS, and nginx as a reverse proxy in front of it; neither has a tunnel.

import { freePort } from '../../contrib/demo/programs.ts';
import type { Peer } from './peer.ts';
import { startNginx, versionOf } from './template.ts';

export const direct: Peer = {
  name: 'direct',
  label: 'upstream directly',
  needs: { nginx: 'nginx-light' },
  describe: async () => `${await versionOf(['nginx', '-v'])}, HTTPS by the upstream itself`,
  start: async (ground) => ({ port: ground.upstreamTlsPort, headers: {}, processes: [] }),
};

export const nginx: Peer = {
  name: 'nginx',
  label: 'nginx reverse proxy',
  needs: { nginx: 'nginx-light' },
  describe: () => versionOf(['nginx', '-v']),
  async start(ground) {
    const port = await freePort(0);
    const values = { UPSTREAM: `unix:${ground.upstreamSocket}` };
    const child = await startNginx(ground, { template: 'nginx.conf', name: 'nginx', port, values });
    return { port, headers: {}, processes: [child] };
  },
};
