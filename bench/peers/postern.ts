// The peer that all this is about: our bastion and our agent, entered with the owner's link as a browser would.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createToken, freePort, sourcePrograms, startAgent, startBastion } from '../../contrib/demo/programs.ts';
import type { Bastion, Run } from '../../contrib/demo/programs.ts';
import { Visitor } from '../../contrib/demo/visitor.ts';
import type { Ground, Peer } from './peer.ts';
import { startOnPort } from './template.ts';

const NAME = 'demo';

function runOf(ground: Ground, name: string): Run {
  const folder = join(ground.folder, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { bastion, agent } = sourcePrograms();
  const programs = { bastion, agent: [...(ground.place?.far ?? []), ...agent] };
  return { programs, id: ground.id, folder, domain: ground.domain };
}

export const postern: Peer = {
  name: 'postern',
  label: 'postern',
  needs: {},
  describe: async () => `bastion and agent from the sources, Node ${process.version}`,
  async start(ground) {
    const run = runOf(ground, 'postern');
    const { ports, listenHost: host = '127.0.0.1' } = ground.place ?? {};
    const port = ports?.postern ?? (await freePort(0));
    const bastion = await startBastion(run, port, { certificate: ground, host });
    const tokenFile = await createToken(run, 'bench', NAME);
    const to = `unix:${ground.upstreamSocket}`;
    const agent = await startAgent(run, bastion, { name: NAME, tokenFile, serve: { to } });
    const visitor = new Visitor({ origin: agent.origin, ca: ground.ca });
    await visitor.enter(agent.secret);
    visitor.close();
    return { port: bastion.port, headers: { cookie: visitor.cookie ?? '' }, processes: [bastion.child, agent.child] };
  },
};

export const httpProxy: Peer = {
  name: 'http-proxy',
  label: 'http-proxy on our tunnel',
  needs: {},
  describe: async () => `http-proxy 1.18.1 in front of our session and agent, Node ${process.version}`,
  async start(ground) {
    const run = runOf(ground, 'http-proxy');
    const port = await freePort(0);
    const program = join(import.meta.dirname, 'http-proxy-front.ts');
    const files = [ground.certificateFile, ground.keyFile];
    const command = [process.execPath, program, `${port}`, ground.domain, ...files];
    const child = await startOnPort(ground, 'http-proxy', command, port);
    const bastion: Bastion = {
      child,
      port,
      origin: `https://${ground.domain}:${port}`,
      caFile: ground.caFile,
      ca: ground.ca,
    };
    // This front lets anybody register, but the agent insists on having a credential to show.
    const tokenFile = join(run.folder, 'token');
    writeFileSync(tokenFile, 'none\n', { mode: 0o600 });
    const to = `unix:${ground.upstreamSocket}`;
    const agent = await startAgent(run, bastion, { name: NAME, tokenFile, serve: { to } });
    return { port, headers: {}, processes: [child, agent.child] };
  },
};
