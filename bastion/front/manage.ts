// The owner's page at `NAME--postern`: who may visit the name, and links for guests; the same as an API for programs.
//
// It has a host of its own because the notebook's host runs the notebook's code: a script there could otherwise give the
// notebook away, and would keep it given after its tab is closed.

import { PosternError, asPosternError } from '../../shared/errors.ts';
import { ACCESS_KINDS, readPolicy, type AccessPolicy } from '../../shared/wire/access.ts';
import { LONGEST_SHARE_MS, type AccessBook, type OwnedName } from '../auth/access-book.ts';
import { MANAGE_SCRIPT } from './manage-script.ts';
import { escapeHtml } from './page.ts';
import { jsonAnswer, ownPage, type Answer } from './refusal.ts';
import { readSmallBody } from './small-body.ts';
import type { FrontVisit } from './visit.ts';

const MAX_BODY = 16_384;
const HOUR_MS = 3_600_000;
const LONGEST_NOTE = 100;

/** A name and what is known of it besides. */
export interface ManagedName extends OwnedName {
  /** What its agent asks for. */
  readonly asked: AccessPolicy;
  /** The notebook's own address. */
  readonly url: string;
}

/**
 * Answers the owner, who was let in already. Rejects with PosternError: page-unknown, method-refused, request-malformed,
 * body-too-large, share-limit.
 */
export async function answerOwner(
  book: AccessBook,
  visit: FrontVisit,
  target: string,
  of: ManagedName,
): Promise<Answer> {
  const path = target.split('?', 1)[0] as string;
  if (visit.upgrade) throw new PosternError('page-unknown');
  if (path === '/') return only(visit, ['GET'], () => page(visit, of));
  if (path === '/api/access') {
    if (visit.method === 'PUT') book.decide(of, await policyIn(visit));
    else if (visit.method === 'DELETE') book.decide(of, undefined);
    return only(visit, ['GET', 'PUT', 'DELETE'], () => jsonAnswer(stateOf(book, of), visit.requestId));
  }
  if (path === '/api/shares') {
    if (visit.method !== 'POST')
      return only(visit, ['GET'], () => jsonAnswer({ shares: sharesOf(book, of) }, visit.requestId));
    const { share, secret } = book.share(of, await termsIn(visit));
    return jsonAnswer(
      { id: share.id, expires: share.expires, url: `${of.url}#postern=${secret}` },
      visit.requestId,
      201,
    );
  }
  const [, id] = /^\/api\/shares\/([A-Za-z0-9_-]{1,40})$/.exec(path) ?? [];
  if (id === undefined || (visit.method === 'DELETE' && !book.revoke(of, id))) throw new PosternError('page-unknown');
  return only(visit, ['DELETE'], () => jsonAnswer({ shares: sharesOf(book, of) }, visit.requestId));
}

function only(visit: FrontVisit, methods: readonly string[], answer: () => Answer): Answer {
  if (!methods.includes(visit.method))
    throw new PosternError('method-refused', `${visit.method} on ${methods.join(', ')}`);
  return answer();
}

function stateOf(book: AccessBook, of: ManagedName): object {
  const decided = book.decided(of);
  return {
    name: of.name,
    owner: of.owner,
    policy: decided?.policy ?? of.asked,
    asked: of.asked,
    decided: decided?.changed,
    shares: sharesOf(book, of),
  };
}

function sharesOf(book: AccessBook, of: OwnedName): object[] {
  return book.shares(of).map(({ id, created, expires, terms }) => ({ id, created, expires, note: terms['note'] }));
}

async function bodyOf(visit: FrontVisit): Promise<unknown> {
  const type = visit.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new PosternError('request-malformed', 'a body that is not application/json');
  const text = await readSmallBody(visit.body, MAX_BODY);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PosternError('request-malformed', 'a body that is not JSON');
  }
}

async function policyIn(visit: FrontVisit): Promise<AccessPolicy> {
  const body = await bodyOf(visit);
  try {
    return readPolicy(body);
  } catch (cause) {
    throw new PosternError('request-malformed', asPosternError(cause).detail, { cause });
  }
}

async function termsIn(visit: FrontVisit): Promise<{ forMs: number; note: string }> {
  const body = await bodyOf(visit);
  const { hours = 24, note = '' } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const most = LONGEST_SHARE_MS / HOUR_MS;
  if (typeof hours !== 'number' || !(hours > 0 && hours <= most))
    throw new PosternError('request-malformed', `hours: not a number up to ${most}`);
  // It is shown to nobody but the owner, yet it must not look like something else there.
  if (typeof note !== 'string' || note.length > LONGEST_NOTE || /\p{Cc}/u.test(note))
    throw new PosternError('request-malformed', `note: not a text of at most ${LONGEST_NOTE} characters`);
  return { forMs: hours * HOUR_MS, note };
}

const CHOICES: Readonly<Record<(typeof ACCESS_KINDS)[number], string>> = {
  private: 'Only I',
  invited: 'I, and the people and groups named here',
  'signed-in': 'Everybody who can sign in at this site',
  public: 'Everybody who knows the address, without signing in',
};

function page(visit: FrontVisit, { name, url }: ManagedName): Answer {
  const title = `Who may visit ${name}`;
  const choices = ACCESS_KINDS.map(
    (kind) => `<label><input type="radio" name="kind" value="${kind}"> ${CHOICES[kind]}</label><br>`,
  );
  const main =
    `<h1>${escapeHtml(title)}</h1><p><a href="${escapeHtml(url)}">${escapeHtml(url)}</a></p>` +
    `<p class="wait" id="said" role="status"></p><noscript><p>This page needs its script.</p></noscript>` +
    `<form id="access"><h2>Who may visit</h2><p class="detail" id="origin"></p>${choices.join('')}` +
    `<p><label>People <input id="people" size="40" placeholder="bob, carol@example.org"></label></p>` +
    `<p><label>Groups <input id="groups" size="40"></label></p>` +
    `<p><button>Save</button> <button type="button" id="reset" hidden>Back to what the job asked for</button></p></form>` +
    `<form id="invite"><h2>Links for guests</h2><p>A guest who comes by a link holds your shell: whatever you can do in ` +
    `the notebook, with your files and in your name, the guest can do. So can everybody who gets hold of the link.</p>` +
    `<p><label>For <input id="hours" type="number" min="1" max="2160" value="24"> hours</label> ` +
    `<label>Note <input id="note" maxlength="${LONGEST_NOTE}"></label> <button>Make a link</button></p>` +
    `<p><code id="link"></code></p><ul id="shares"></ul></form>`;
  const answer = ownPage(title, main, visit.requestId, MANAGE_SCRIPT);
  return { ...answer, headers: [...answer.headers, 'Cross-Origin-Opener-Policy', 'same-origin'] };
}
