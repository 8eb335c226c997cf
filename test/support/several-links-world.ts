// A bastion and an agent with several links, all through a relay that can cut them one by one; and a notebook behind it.

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

import type { BastionConfig } from '../../bastion/config.ts';
import type { Session } from '../../shared/mux/session.ts';
import { bastionWorld, eventually, type BastionWorld } from './bastion-world.ts';
import { CutRelay } from './cut-relay.ts';
import { supervisedAgent, type SupervisedAgent } from './supervised-agent.ts';

export interface SeveralLinksWorld extends BastionWorld {
  readonly relay: CutRelay;
  readonly running: Omit<SupervisedAgent, 'sessions'> & { readonly sessions: readonly Session[] };
}

/** The notebook `demo` is served to everybody, and all links are up; everything ends with the test. */
export async function severalLinksWorld(
  t: TestContext,
  notebook: Server,
  links: number,
  change: Partial<BastionConfig> = {},
): Promise<SeveralLinksWorld> {
  const world = await bastionWorld(t, change);
  notebook.listen(0, '127.0.0.1');
  await once(notebook, 'listening');
  const relay = await CutRelay.to(world.bastion.port);
  const agent = supervisedAgent({
    name: 'demo',
    port: relay.port,
    ca: world.ca,
    token: await world.token(),
    upstreamPort: (notebook.address() as AddressInfo).port,
    links,
  });
  t.after(() => {
    agent.close();
    relay.close();
    notebook.close();
    notebook.closeAllConnections();
  });
  await eventually(() => agent.supervisor.state === 'serving', 'every link is up');
  return { ...world, relay, running: agent as SeveralLinksWorld['running'] };
}
