// How the agent gets to its bastions: each by its own way, directly or through a proxy, and all of them as one dial.

import type { DialOptions } from '../shared/link/dial.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { SharedPath } from '../shared/mux/shared-path.ts';
import { basicAuthorization, connectThrough } from '../shared/net/http-connect.ts';
import { lookup } from '../shared/net/resolve.ts';
import { readAuthorities, systemAuthorities } from '../shared/net/trust.ts';
import type { Log } from '../shared/program/log.ts';
import { createDial, type DialPlan } from './dial.ts';
import { failover, type SlotDial } from './failover.ts';
import type { CommonValues } from './options.ts';
import { proxyFor, type Proxy } from './proxy.ts';
import { readSecretFile } from './secret-file.ts';
import type { Dial } from './supervise.ts';

export interface ReachContext {
  readonly values: Pick<
    CommonValues,
    'bastion' | 'bastionOrder' | 'ca' | 'proxy' | 'proxyCredentialsFile' | 'proxyCa' | 'dialTimeout'
  >;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** What the way to a bastion depends on. */
interface WayContext extends Pick<ReachContext, 'env' | 'log'> {
  readonly values: Pick<CommonValues, 'proxy' | 'proxyCredentialsFile' | 'proxyCa'>;
}

/** What does not depend on which bastion it is; of one link. */
export type CommonPlan = Omit<DialPlan, 'bastion' | 'ca' | 'through' | 'resumePatienceMs' | 'path'>;

/** While another bastion would take the agent, a lost session is not waited for any longer; milliseconds. */
const RESUME_PATIENCE_MS = 10_000;

/** The supervisors' dials, one for each link. Throws `options-invalid` when a file or variable that says how to get there can't be used. */
export function createReach(context: ReachContext, planOf: (slot: number) => CommonPlan): SlotDial {
  const { values, clock, random, log } = context;
  const ca = values.ca === undefined ? systemAuthorities() : readAuthorities(values.ca);
  const bastions = values.bastionOrder === 'random' ? shuffled(values.bastion, random) : values.bastion;
  const resumePatienceMs = bastions.length > 1 ? RESUME_PATIENCE_MS : undefined;
  const dials = bastions.map((bastion): SlotDial => {
    const way = { bastion, ca, through: wayTo(bastion, context), resumePatienceMs, path: new SharedPath() };
    return (slot) => announced(bastion, createDial({ ...planOf(slot), ...way }), log);
  });
  if (dials.length === 1) return dials[0] as SlotDial;
  return failover({
    dials,
    clock,
    failed: (index, error) =>
      log.warn({ code: error.code, bastion: bastions[index] }, `This bastion could not be used: ${error.message}`),
  });
}

function announced(bastion: string, dial: Dial, log: Log): Dial {
  return async (signal, onGoAway) => {
    const registered = await dial(signal, onGoAway);
    log.debug({ bastion, session: registered.acceptance.session }, 'This bastion took us');
    return registered;
  };
}

/** How a connection to a bastion is made where that is not a matter of TCP alone. */
export type Through = NonNullable<DialOptions['through']>;

/** Undefined: directly. Throws `options-invalid` as `createReach` does. */
export function wayTo(bastion: string, { values, env, log }: WayContext): Through | undefined {
  const proxy = proxyFor(bastion, values.proxy, env);
  if (proxy === undefined) return undefined;
  const { hostname, port } = new URL(bastion);
  const target = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 443 : Number(port) };
  const ca = !proxy.secure
    ? undefined
    : values.proxyCa === undefined
      ? systemAuthorities()
      : readAuthorities(values.proxyCa);
  // Read once here, so that a mistake is told before anything starts, and again at each dial.
  authorizationFor(proxy, values.proxyCredentialsFile);
  log.info({ bastion, proxy: proxy.label }, 'The bastion is reached through a proxy');
  return (signal, timeoutMs) => {
    const authorization = authorizationFor(proxy, values.proxyCredentialsFile);
    return connectThrough({ proxy: { ...proxy, ca }, target, authorization, lookup, signal, timeoutMs });
  };
}

/** The file counts more than the environment. */
function authorizationFor(proxy: Proxy, file: string | undefined): string | undefined {
  const credentials = file === undefined ? proxy.credentials : readSecretFile(file);
  return credentials === undefined ? undefined : basicAuthorization(credentials);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T);
}
