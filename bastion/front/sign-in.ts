// The host where people sign in: sends them to a provider and back, and gives passes to the notebooks' hosts.

import { PosternError } from '../../shared/errors.ts';
import type { Attempts } from '../auth/attempts.ts';
import { safePath, type Passes } from '../auth/passes.ts';
import { SIGN_IN_LABEL, type SignInDesk, type Wanted } from '../auth/sign-in-desk.ts';
import type { VisitorSession } from '../auth/visitor-session.ts';
import { neighbourOf, normalDomain, placeOf } from './hostname.ts';
import { escapeHtml } from './page.ts';
import { arrivalAt, isNavigation, redirect } from './pass.ts';
import { ownPage, type Answer } from './refusal.ts';
import { SIGN_IN_PATH } from './sign-in-address.ts';
import type { FrontVisit } from './visit.ts';

const CALLBACK_PATH = '/_postern/callback/';
const SIGN_OUT_PATH = '/_postern/sign-out';

export interface SignInHostOptions {
  readonly desk: SignInDesk;
  readonly passes: Pick<Passes, 'grant'>;
  /** How often one address may go to a provider. */
  readonly attempts: Attempts;
  /** Normalised: `notebooks.example.org`. */
  readonly domain: string;
  /** Whose a name is now; undefined when no tunnel serves it. */
  ownerOf(name: string): string | undefined;
}

/** A request for the sign-in host, taken apart. */
interface Call {
  readonly visit: FrontVisit;
  readonly path: string;
  readonly query: string;
  /** The Host header. */
  readonly host: string;
}

export class SignInHost {
  readonly #options: SignInHostOptions;

  constructor(options: SignInHostOptions) {
    this.#options = options;
  }

  /** Whether requests for this label are for the sign-in host. */
  serves(label: string): boolean {
    return label === SIGN_IN_LABEL;
  }

  /** Rejects with PosternError: what the desk rejects with, and page-unknown, method-refused, cross-site, visitor-limit. */
  async answer(visit: FrontVisit, target: string, host: string): Promise<Answer> {
    const { method, headers, upgrade } = visit;
    const cut = target.indexOf('?');
    const [path, query] = cut < 0 ? [target, ''] : [target.slice(0, cut), target.slice(cut + 1)];
    if (upgrade) throw new PosternError('page-unknown');
    if (method !== 'GET') throw new PosternError('method-refused', `${method} where only GET is served`);
    if (!isNavigation({ method, headers, upgrade }))
      throw new PosternError('cross-site', 'a sign-in outside the address bar');
    const call = { visit, path, query, host };
    if (path === '/') return this.#home(call);
    if (path === SIGN_IN_PATH) return this.#signIn(call);
    if (path.startsWith(`${SIGN_IN_PATH}/`)) return this.#depart(call, path.slice(SIGN_IN_PATH.length + 1));
    if (path.startsWith(CALLBACK_PATH)) return this.#arrive(call, path.slice(CALLBACK_PATH.length));
    if (path === SIGN_OUT_PATH) return this.#signOut(call);
    throw new PosternError('page-unknown');
  }

  /** Who is signed in already goes on at once; with one provider there is nothing to choose. */
  async #signIn(call: Call): Promise<Answer> {
    const { desk } = this.#options;
    const present = desk.present(call.visit.headers.cookie);
    const asked = new URLSearchParams(call.query);
    const wanted = wantedOf(asked);
    if (present !== undefined && !asked.has('again')) return this.#goOn(call, present, wanted, []);
    const [only] = desk.providers;
    if (only !== undefined && desk.providers.length === 1) return this.#depart(call, only.id);
    return this.#choice(call, 'Sign in');
  }

  async #depart({ visit, query }: Call, id: string): Promise<Answer> {
    const { desk, attempts } = this.#options;
    const { address } = visit.host;
    if (!attempts.allowed(address)) throw new PosternError('visitor-limit');
    attempts.failed(address);
    const { location, setCookie } = await desk.depart(id, wantedOf(new URLSearchParams(query)));
    return redirect(location, [setCookie], visit.requestId);
  }

  async #arrive(call: Call, id: string): Promise<Answer> {
    const { cookie } = call.visit.headers;
    const { session, wanted, cookies } = await this.#options.desk.arrive(id, call.query, cookie);
    call.visit.visitor = session.person.account;
    return this.#goOn(call, session, wanted, cookies);
  }

  /** Back to the notebook's host with a pass, if somebody asked for one. */
  #goOn(call: Call, session: VisitorSession, wanted: Wanted, cookies: readonly string[]): Answer {
    const { requestId } = call.visit;
    const home = this.#options.desk.urlOf('/');
    if (wanted.to === '') return redirect(home, cookies, requestId);
    const place = placeOf(`${wanted.to}.${this.#options.domain}`, this.#options.domain);
    if (place.kind !== 'name' || place.label !== wanted.to || this.serves(place.label))
      throw new PosternError('sign-in-broken', 'there is no such host');
    const owner = this.#options.ownerOf(place.name);
    const { to, challenge, returnTo } = wanted;
    const host = normalDomain(neighbourOf(call.host, to));
    // Nobody is there to open anything: its own page says so.
    if (owner === undefined) return redirect(`https://${host}${safePath(returnTo)}`, cookies, requestId);
    const code = this.#options.passes.grant(session, { to, owner, challenge, returnTo });
    return redirect(arrivalAt(call.host, to, code), cookies, requestId);
  }

  #home(call: Call): Answer {
    const present = this.#options.desk.present(call.visit.headers.cookie);
    if (present === undefined) return this.#choice(call, 'You are not signed in');
    const { account, provider } = present.person;
    const main =
      `<h1>You are signed in</h1><p>as <strong>${escapeHtml(account)}</strong>, by ${escapeHtml(provider)}.</p>` +
      `<p><a href="${SIGN_OUT_PATH}">Sign out</a></p>`;
    return ownPage('Signed in', main, call.visit.requestId);
  }

  #choice({ visit, query }: Call, title: string): Answer {
    const suffix = query === '' ? '' : `?${query}`;
    const links = this.#options.desk.providers.map(
      ({ id, title: name }) => `<li><a href="${SIGN_IN_PATH}/${id}${escapeHtml(suffix)}">${escapeHtml(name)}</a></li>`,
    );
    return ownPage(title, `<h1>${title}</h1><p>Sign in with</p><ul>${links.join('')}</ul>`, visit.requestId);
  }

  /** Only where somebody clicked on our own page, or typed it: another site has no say in it. */
  #signOut({ visit }: Call): Answer {
    const site = visit.headers['sec-fetch-site'];
    if (site !== 'same-origin' && site !== 'none') throw new PosternError('cross-site', 'Sec-Fetch-Site');
    return redirect(this.#options.desk.urlOf('/'), [this.#options.desk.signOut()], visit.requestId);
  }
}

function wantedOf(asked: URLSearchParams): Wanted {
  const word = (name: string): string => asked.get(name) ?? '';
  return { to: word('to'), challenge: word('challenge'), returnTo: word('return') || '/' };
}
