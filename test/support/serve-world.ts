// A bastion's session and an agent's over a link in memory, the agent serving a real upstream.

import { once } from 'node:events';
import type { Socket } from 'node:net';

import { createServe, type Phase } from '../../agent/serve.ts';
import { tcpUpstream } from '../../agent/upstreams/socket.ts';
import type { Upstream } from '../../agent/upstreams/upstream.ts';
import { PosternError } from '../../shared/errors.ts';
import { Session } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import type { UpstreamWorld } from '../contract/upstream.ts';
import { FakeClock } from './fake-clock.ts';
import { linkPair } from './link-pair.ts';
import { tcpWorld } from './upstream-world.ts';

const LIMITS = { credit: 262_144, streams: 1000, message: 65_536 } as const;
const HOST = '127.0.0.1';

export interface ServeWorld extends AsyncDisposable {
  readonly server: UpstreamWorld;
  /** The clock of connect timeouts; nothing else runs by it. */
  readonly clock: FakeClock;
  readonly agentSession: Session;
  phase: Phase;
  open(service?: string): Stream;
  /** A new stream and the server's side of it. */
  joined(): Promise<{ stream: Stream; socket: Socket }>;
}

/** `upstream` in place of the server, for dials that the test answers. */
export async function serveWorld(upstream?: Upstream): Promise<ServeWorld> {
  const server = await tcpWorld((port) => tcpUpstream({ label: 'http://x', host: HOST, port }));
  const links = linkPair();
  const clock = new FakeClock();
  const service = { name: 'web', upstream: upstream ?? server.upstream, phase: () => world.phase };
  const serve = createServe({ services: new Map([['web', service]]), connectTimeoutMs: 10_000, clock, log: NO_LOG });
  const bastion = new Session(links.bastion, { role: 'bastion', own: LIMITS, peer: LIMITS });
  const agent = new Session(links.agent, { role: 'agent', own: LIMITS, peer: LIMITS, onStream: serve });
  const world: ServeWorld = {
    server,
    clock,
    agentSession: agent,
    phase: 'ready',
    open: (name = 'web') => {
      const stream = bastion.open({ service: name, visitor: '192.0.2.1' });
      stream.on('error', () => {});
      return stream;
    },
    joined: async () => {
      const stream = world.open();
      stream.write('hello');
      const socket = await server.accepted();
      await once(socket, 'data');
      return { stream, socket };
    },
    [Symbol.asyncDispose]: async () => {
      bastion.destroy(new PosternError('session-closed'));
      agent.destroy(new PosternError('session-closed'));
      await server.close();
    },
  };
  return world;
}

/** How the stream ends for its reader: the bytes that came, and the code of the reset or `end`. */
export async function outcome(stream: Stream): Promise<{ bytes: string; end: string }> {
  let bytes = '';
  try {
    for await (const chunk of stream) bytes += String(chunk);
    return { bytes, end: 'end' };
  } catch (error) {
    return { bytes, end: (error as PosternError).code };
  }
}
