// Signing in from one host of a name to another: the redirects between `alice--8787`, which has no session yet, and `alice`.

import type { IncomingHttpHeaders } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import type { Passes } from '../auth/passes.ts';
import type { VisitorSessions } from '../auth/visitor-session.ts';
import { neighbourOf, normalDomain, WEB, type VisitedPlace } from './hostname.ts';
import { REQUEST_ID_HEADER } from './page-scripts.ts';
import type { Answer } from './refusal.ts';
import { SIGN_IN_PATH, type SignInAddress } from './sign-in-address.ts';

/** Where a host that has a session makes a pass, and where the host that needs one takes it. */
export const PASS_PATH = '/_postern/pass';
export const ARRIVE_PATH = '/_postern/arrive';

/** The desk that gives and takes passes. */
export interface PassDesk {
  readonly passes: Pick<Passes, 'begin' | 'grant' | 'exchange'>;
  readonly sessions: Pick<VisitorSessions, 'verify'>;
  /** Where people sign in, if that is possible here. */
  readonly signIn?: SignInAddress | undefined;
}

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
  const { challenge, setCookie } = desk.passes.begin(headers.cookie);
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
 * Answers a request for PASS_PATH, ARRIVE_PATH or SIGN_IN_PATH at a name's host. Throws PosternError: page-unknown,
 * method-refused, cross-site, sign-in-needed, service-unknown, pass-invalid.
 */
export function answerPass(desk: PassDesk, passing: Passing, tunnel: PassTunnel): Answer {
  const [path, query] = passing.target.split('?', 2) as [string, string?];
  const step =
    path === ARRIVE_PATH ? arrive : path === SIGN_IN_PATH ? leaveToSignIn : path === PASS_PATH ? grant : undefined;
  if (passing.upgrade || step === undefined) throw new PosternError('page-unknown');
  if (passing.method !== 'GET') throw new PosternError('method-refused', `${passing.method} where only GET is served`);
  // Nothing but a tab of its own: what comes of it must be in front of the visitor's eyes.
  if (!isNavigation(passing)) throw new PosternError('cross-site', 'a sign-in outside the address bar');
  return step(desk, passing, new URLSearchParams(query), tunnel);
}

type Step = (desk: PassDesk, passing: Passing, asked: URLSearchParams, tunnel: PassTunnel) => Answer;

const grant: Step = (desk, { headers, place, requestId }, asked, tunnel) => {
  if (place.service !== WEB) throw new PosternError('page-unknown');
  const word = (name: string): string => asked.get(name) ?? '';
  const service = word('to');
  if (!tunnel.has(service)) throw new PosternError('service-unknown', service);
  const to = `${place.name}--${service}`;
  const { cookie, host = '' } = headers;
  const wanted = { to, challenge: word('challenge'), returnTo: word('return') };
  const session = desk.sessions.verify(cookie, place.label, tunnel.owner);
  if (session === undefined) {
    // Whoever came without a link may still be able to say who they are.
    if (desk.signIn === undefined) throw new PosternError('sign-in-needed');
    return redirect(desk.signIn.urlFor(wanted), [], requestId);
  }
  const code = desk.passes.grant(session, { ...wanted, owner: tunnel.owner });
  return redirect(arrivalAt(host, to, code), [], requestId);
};

const arrive: Step = (desk, { headers, place, requestId }, asked, tunnel) => {
  const { cookie, host = '' } = headers;
  const here = { cookie, label: place.label, owner: tunnel.owner };
  const { returnTo, cookies } = desk.passes.exchange(asked.get('code') ?? '', here);
  return redirect(`https://${normalDomain(host)}${returnTo}`, cookies, requestId);
};

/** From a page of ours that says that signing in is needed, or as somebody else. */
const leaveToSignIn: Step = (desk, { headers, place, requestId }, asked) => {
  if (desk.signIn === undefined) throw new PosternError('page-unknown');
  const { challenge, setCookie } = desk.passes.begin(headers.cookie);
  const wanted = { to: place.label, challenge, returnTo: asked.get('return') ?? '/', again: asked.has('again') };
  return redirect(desk.signIn.urlFor(wanted), [setCookie], requestId);
};

/** The address at which a pass is taken; `host` is any Host header of this bastion. */
export function arrivalAt(host: string, label: string, code: string): string {
  return `https://${normalDomain(neighbourOf(host, label))}${ARRIVE_PATH}?code=${code}`;
}

/** A tab of its own is shown what comes of the request. */
export function isNavigation({ method, headers, upgrade }: Pick<Passing, 'method' | 'headers' | 'upgrade'>): boolean {
  const [mode, destination] = [headers['sec-fetch-mode'], headers['sec-fetch-dest']];
  return method === 'GET' && !upgrade && mode === 'navigate' && destination === 'document';
}

/** Nothing of the address that is left is told to the one that follows. */
export function redirect(location: string, cookies: readonly string[], requestId: string): Answer {
  const headers = ['Location', location, 'Referrer-Policy', 'no-referrer', 'Cache-Control', 'no-store'];
  for (const cookie of cookies) headers.push('Set-Cookie', cookie);
  headers.push(REQUEST_ID_HEADER, requestId, 'Content-Length', '0');
  return { status: 302, reason: 'Found', headers, body: Buffer.alloc(0) };
}
