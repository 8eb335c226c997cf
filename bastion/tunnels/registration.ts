// The decision table of registering: what is there and what arrives decide the answer and what happens to the rest.

import type { ErrorCode } from '../../shared/errors.ts';
import { covers } from '../auth/name-patterns.ts';
import type { TokenLimits } from '../auth/token-limits.ts';
import { nameProblem } from './names.ts';
import type { TunnelLimits } from './tunnel-limits.ts';

/** One link of a tunnel, as the table sees it. */
export interface HeldLink {
  readonly slot: number;
  /** Told GOAWAY: it lives until its streams have ended, and holds its slot no more. */
  readonly leaving: boolean;
}

/** A tunnel that is there. `Id` is whatever the caller tells tunnels and links apart by. */
export interface HeldTunnel {
  readonly owner: string;
  readonly instance: string;
  readonly names: readonly string[];
  readonly links: readonly HeldLink[];
  /** Told GOAWAY as a whole: it serves its last streams, but its names are free. */
  readonly leaving: boolean;
}

/** Whose a name is, connected or not. */
export interface Reservation {
  /** Undefined: an administrator has freed it, and the next to claim it has it. */
  readonly owner: string | undefined;
  /** False: its owner gave it up, and is the only one who can have it back. */
  readonly held: boolean;
}

/** Everything that the decision rests on, and nothing else. */
export interface RegistrationState<Tunnel extends HeldTunnel = HeldTunnel> {
  /** The bastion is about to stop. */
  readonly draining: boolean;
  readonly tunnels: Iterable<Tunnel>;
  /** True for an agent that a newer one of its owner has taken the place of. */
  replaced(instance: string): boolean;
  /** Undefined: nobody ever claimed it. */
  reservation(name: string): Reservation | undefined;
  /** How many more names the owner may take; less than 0 when the limit has been lowered. */
  room(owner: string): number;
  readonly limits: Pick<TunnelLimits, 'links' | 'names' | 'tunnels'>;
  /** How many tunnels of the owner there are. */
  held(owner: string): { readonly serving: number; readonly leaving: number };
}

/** An agent whose credential has been found good. */
export interface Arrival {
  readonly owner: string;
  /** Name patterns that its credential allows. */
  readonly allowed: readonly string[];
  readonly instance: string;
  readonly slot: number;
  readonly names: readonly string[];
  /** How many services it offers, each range of ports counting as one. */
  readonly services: number;
  /** What its credential allows, besides. */
  readonly own?: TokenLimits | undefined;
}

export interface Refusal {
  readonly answer: 'refuse';
  readonly code: ErrorCode;
  readonly detail?: string;
}

export interface Welcome<Tunnel extends HeldTunnel = HeldTunnel> {
  readonly answer: 'accept';
  /** The tunnel that the new link joins; undefined: a tunnel is to be made. */
  readonly join: Tunnel | undefined;
  /** The link of that tunnel that the newcomer replaces, to be destroyed at once. */
  readonly drop: HeldLink | undefined;
  /** Tunnels of the owner's other agents: GOAWAY `replaced`, and their names are the newcomer's. */
  readonly retire: readonly Tunnel[];
}

export type Decision<Tunnel extends HeldTunnel = HeldTunnel> = Refusal | Welcome<Tunnel>;

/** Decides; the caller carries it out in the same turn of the event loop, or asks again. */
export function decide<Tunnel extends HeldTunnel>(
  state: RegistrationState<Tunnel>,
  arrival: Arrival,
): Decision<Tunnel> {
  if (state.draining) return { answer: 'refuse', code: 'draining' };
  const namesRefused = judgeNames(arrival);
  if (namesRefused !== undefined) return namesRefused;

  const notOwned = judgeOwnership(state, arrival);
  if (notOwned !== undefined) return notOwned;

  const present = [...state.tunnels].filter((tunnel) => !tunnel.leaving);
  const foreign = present.find((tunnel) => tunnel.owner !== arrival.owner && shareName(tunnel, arrival));
  if (foreign !== undefined)
    return {
      answer: 'refuse',
      code: 'name-taken',
      detail: arrival.names.find((name) => foreign.names.includes(name))!,
    };
  const own = present.find((tunnel) => tunnel.owner === arrival.owner && tunnel.instance === arrival.instance);
  const others = present.filter((tunnel) => tunnel !== own && shareName(tunnel, arrival));
  // The newest agent wins, not the one that dialled last: an old job back from a broken network stays out.
  if (others.length > 0 && state.replaced(arrival.instance)) return { answer: 'refuse', code: 'replaced' };
  if (own !== undefined && !sameNames(own.names, arrival.names))
    return { answer: 'refuse', code: 'registration-malformed', detail: 'names: not those of its other links' };
  const drop = own?.links.find((link) => link.slot === arrival.slot && !link.leaving);
  return judgeNumbers(state, arrival, { answer: 'accept', join: own, drop, retire: others });
}

/** What a welcome would make of the owner's tunnels, or of the tunnel's links, must be within the limits. */
function judgeNumbers<Tunnel extends HeldTunnel>(
  { limits, held }: RegistrationState<Tunnel>,
  { owner, names, services, own }: Arrival,
  welcome: Welcome<Tunnel>,
): Decision<Tunnel> {
  const { join, drop, retire } = welcome;
  if (services > (own?.services ?? Infinity)) return { answer: 'refuse', code: 'service-limit' };
  if (names.length > limits.names)
    return { answer: 'refuse', code: 'registration-malformed', detail: `names: more than ${limits.names}` };
  if (join !== undefined) {
    const links = join.links.length + (drop === undefined ? 1 : 0);
    return links > limits.links ? { answer: 'refuse', code: 'link-limit' } : welcome;
  }
  const { serving, leaving } = held(owner);
  const allowed = Math.min(limits.tunnels, own?.tunnels ?? Infinity);
  const fits = serving - retire.length < allowed && leaving + retire.length <= limits.tunnels;
  return fits ? welcome : { answer: 'refuse', code: 'tunnel-limit' };
}

function judgeNames({ names, allowed }: Arrival): Refusal | undefined {
  if (names.length === 0) return { answer: 'refuse', code: 'registration-malformed', detail: 'names: none' };
  if (new Set(names).size < names.length)
    return { answer: 'refuse', code: 'registration-malformed', detail: 'names: one of them twice' };
  for (const name of names) {
    const problem = nameProblem(name);
    if (problem !== undefined) return { answer: 'refuse', code: 'name-invalid', detail: problem };
    if (!covers(allowed, name)) return { answer: 'refuse', code: 'name-not-allowed', detail: name };
  }
  return undefined;
}

function judgeOwnership(state: RegistrationState, { names, owner }: Arrival): Refusal | undefined {
  let added = 0;
  for (const name of names) {
    const reservation = state.reservation(name);
    if (reservation?.owner !== undefined && reservation.owner !== owner)
      return { answer: 'refuse', code: 'name-taken', detail: name };
    if (reservation?.held !== true) added += 1;
  }
  const room = added === 0 ? 0 : Math.max(0, state.room(owner));
  if (added <= room) return undefined;
  return { answer: 'refuse', code: 'name-limit', detail: `${added} more, where ${room} are left` };
}

function shareName(tunnel: HeldTunnel, arrival: Arrival): boolean {
  return tunnel.names.some((name) => arrival.names.includes(name));
}

function sameNames(held: readonly string[], asked: readonly string[]): boolean {
  return held.length === asked.length && held.every((name) => asked.includes(name));
}
