// Signing in from one host of a name to another: the redirects between `alice--8787`, which has no session yet, and `alice`.

import type { IncomingHttpHeaders } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import type { Passes } from '../auth/passes.ts';
import { neighbourOf, normalDomain, WEB, type VisitedPlace } from './hostname.ts';
import { REQUEST_ID_HEADER } from './page-scripts.ts';
import type { Answer } from './refusal.ts';

/** Where a host that has a session makes a pass, and where the host that needs one takes it. */
export const PASS_PATH = '/_postern/pass';
export const ARRIVE_PATH = '/_postern/arrive';

/** The desk that gives and takes passes. */
export type PassDesk = Pick<Passes, 'begin' | 'grant' | 'exchange'>;

/** A request for a host of a name, as far as passes go. */
export interface Passing {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly upgrade: boolean;
  /** Path and query. */
  readonly target: string;
  readonly place: VisitedPlace;
  readonly requestId: string;
}

/** The redirect to where the visitor is signed in already; undefined where a redirect would help nobody. */
export function beginPass(desk: PassDesk, passing: Passing): Answer | undefined {
  const { headers, place, target } = passing;
  if (place.service === WEB || headers.host === undefined || !isNavigation(passing)) return undefined;
  const { challenge, setCookie } = desk.begin(headers.cookie);
  const query = new URLSearchParams({ to: place.service, challenge, return: target });
  const host = normalDomain(neighbourOf(headers.host, place.name));
  return redirect(`https://${host}${PASS_PATH}?${query.toString()}`, [setCookie], passing.requestId);
}

/** The tunnel that a pass is about, as far as passes go. */
export interface PassTunnel {
  readonly owner: string;
  has(service: string): boolean;
}

/**
 * Answers a request for PASS_PATH or ARRIVE_PATH. Throws PosternError: page-unknown, method-refused, cross-site,
 * sign-in-needed, service-unknown, pass-invalid.
 */
export function answerPass(desk: PassDesk, passing: Passing, tunnel: PassTunnel): Answer {
  const [path, query] = passing.target.split('?', 2) as [string, string?];
  const arriving = path === ARRIVE_PATH;
  const granting = path === PASS_PATH && passing.place.service === WEB;
  if (passing.upgrade || !(arriving || granting)) throw new PosternError('page-unknown');
  if (passing.method !== 'GET') throw new PosternError('method-refused', `${passing.method} where only GET is served`);
  // Nothing but a tab of its own: what comes of it must be in front of the visitor's eyes.
  if (!isNavigation(passing)) throw new PosternError('cross-site', 'a sign-in outside the address bar');
  const asked = new URLSearchParams(query);
  return arriving ? arrive(desk, passing, asked, tunnel) : grant(desk, passing, asked, tunnel);
}

function grant(
  desk: PassDesk,
  { headers, place, requestId }: Passing,
  asked: URLSearchParams,
  tunnel: PassTunnel,
): Answer {
  const word = (name: string): string => asked.get(name) ?? '';
  const service = word('to');
  if (!tunnel.has(service)) throw new PosternError('service-unknown', service);
  const to = `${place.name}--${service}`;
  const { cookie, host = '' } = headers;
  const wanted = { challenge: word('challenge'), returnTo: word('return') };
  const code = desk.grant({ cookie, from: place.label, to, owner: tunnel.owner, ...wanted });
  return redirect(`https://${normalDomain(neighbourOf(host, to))}${ARRIVE_PATH}?code=${code}`, [], requestId);
}

function arrive(
  desk: PassDesk,
  { headers, place, requestId }: Passing,
  asked: URLSearchParams,
  tunnel: PassTunnel,
): Answer {
  const { cookie, host = '' } = headers;
  const here = { cookie, label: place.label, owner: tunnel.owner };
  const { returnTo, cookies } = desk.exchange(asked.get('code') ?? '', here);
  return redirect(`https://${normalDomain(host)}${returnTo}`, cookies, requestId);
}

function isNavigation({ method, headers, upgrade }: Passing): boolean {
  const [mode, destination] = [headers['sec-fetch-mode'], headers['sec-fetch-dest']];
  return method === 'GET' && !upgrade && mode === 'navigate' && destination === 'document';
}

function redirect(location: string, cookies: readonly string[], requestId: string): Answer {
  const headers = ['Location', location, 'Referrer-Policy', 'no-referrer', 'Cache-Control', 'no-store'];
  for (const cookie of cookies) headers.push('Set-Cookie', cookie);
  headers.push(REQUEST_ID_HEADER, requestId, 'Content-Length', '0');
  return { status: 302, reason: 'Found', headers, body: Buffer.alloc(0) };
}
