// The tunnels as the admin port lists them: whose, where, for how long, and whether anybody uses them. Nothing secret.

import { policyText } from '../shared/wire/access.ts';
import type { LiveTunnel } from './tunnels/tunnel.ts';

/** One entry of `GET /tunnels`; times are ISO 8601. */
export interface TunnelEntry {
  readonly owner: string;
  readonly names: readonly string[];
  readonly access: string;
  /** Which agent process it is: public, random. */
  readonly instance: string;
  readonly agent: string;
  /** serving, paused (its connection is lost), or leaving. */
  readonly link: 'serving' | 'paused' | 'leaving';
  readonly streams: number;
  readonly ready: boolean;
  readonly credentialExpires: string;
  readonly job: {
    readonly scheduler: string;
    readonly id?: string;
    readonly owner?: string;
    readonly node?: string;
    readonly state: string;
    readonly reason?: string;
    readonly deadline?: string;
    readonly idleTimeoutMs?: number;
    readonly idleSince?: string;
    readonly stopAt?: string;
  } | null;
}

export function listTunnels(tunnels: Iterable<LiveTunnel>): readonly TunnelEntry[] {
  return [...tunnels].map((tunnel) => ({
    owner: tunnel.owner,
    names: tunnel.names,
    access: policyText(tunnel.policy),
    instance: tunnel.instance,
    agent: tunnel.agent,
    link: tunnel.leaving ? 'leaving' : tunnel.paused ? 'paused' : 'serving',
    streams: tunnel.links.reduce((total, { session }) => total + session.streams, 0),
    ready: tunnel.readiness('web')?.ready === true,
    credentialExpires: new Date(tunnel.identity.expiresAt).toISOString(),
    job: jobOf(tunnel),
  }));
}

function jobOf({ job }: LiveTunnel): TunnelEntry['job'] {
  if (job === undefined) return null;
  const { notice: _, deadline, idleSince, stopAt, ...rest } = job;
  const entry = { ...rest, deadline: iso(deadline), idleSince: iso(idleSince), stopAt: iso(stopAt) };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as TunnelEntry['job'];
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
