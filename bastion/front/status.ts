// The pages of a name's host that are ours: how long its job still has, whether it is used, and the wish to keep it.

import { createHash } from 'node:crypto';

import { PosternError } from '../../shared/errors.ts';
import type { JobView } from '../tunnels/job-status.ts';
import { NOTICE_SCRIPT, STATUS_SCRIPT } from './notice-script.ts';
import { escapeHtml } from './page.ts';
import { REQUEST_ID_HEADER } from './page-scripts.ts';
import { jsonAnswer, ownPage, prefersHtml, scriptAnswer, type Answer } from './refusal.ts';
import type { FrontVisit } from './visit.ts';

export const STATUS_PATH = '/_postern/status';
export const KEEP_PATH = '/_postern/keep';

/** What is told of a tunnel. */
export interface Told {
  readonly instance: string;
  readonly job: JobView | undefined;
  readiness(service: string): { ready: boolean; exit?: number } | undefined;
}

/** As JSON; documented in docs/guides/portals.md. Times are Unix milliseconds. */
export interface Status {
  readonly name: string;
  readonly state: string;
  readonly ready: boolean;
  /** Another run of the notebook has another one. */
  readonly run: string;
  readonly now: number;
  readonly deadline?: number;
  /** Milliseconds. */
  readonly idleTimeoutMs?: number;
  readonly idleSince?: number;
  readonly stopAt?: number;
  readonly reason?: string;
  /** Not for visitors of a public notebook. */
  readonly job?: { scheduler: string; id?: string; owner?: string; node?: string };
}

/** `GET /_postern/status`: HTML for a browser, JSON for everybody else. Throws PosternError `method-refused`. */
export function statusAnswer(visit: FrontVisit, told: Told, now: number): Answer {
  const { method, headers, place } = visit;
  const name = place?.label ?? '';
  if (method !== 'GET' && method !== 'HEAD') throw new PosternError('method-refused', `${method} on a page`);
  const status = statusOf(name, told, { now, stranger: visit.visitor === 'public' });
  if (!prefersHtml(headers.accept)) return jsonAnswer(status, visit.requestId);
  const rows = [
    ['Notebook', name],
    ['State', status.ready ? status.state : `${status.state}, does not answer yet`],
    ['Job', [status.job?.scheduler, status.job?.id].filter((part) => part !== undefined).join(' ')],
    ['Node', status.job?.node ?? ''],
    ['Time left', ''],
    ['Not used for', ''],
  ].filter(([label, text]) => text !== '' || label === 'Time left' || label === 'Not used for');
  const list = rows.map(([label = '', text = '']) => {
    const id = label.toLowerCase().replaceAll(' ', '-');
    return `<dt>${label}</dt><dd id="${id}">${escapeHtml(text)}</dd>`;
  });
  const main =
    `<h1>${escapeHtml(name)}</h1><p class="wait" role="status"></p>` +
    `<p><button type="button" id="keep" hidden>Keep it running</button> <a href="/">To the notebook</a></p>` +
    `<dl>${list.join('')}</dl>`;
  return ownPage(name, main, visit.requestId, STATUS_SCRIPT);
}

/** `POST /_postern/keep`: 204 once the agent is told. Throws PosternError `method-refused`, `sign-in-needed`, `page-unknown`. */
export function keepAnswer(visit: FrontVisit, tunnel: { keep(from: string): boolean }): Answer {
  if (visit.method !== 'POST') throw new PosternError('method-refused', `${visit.method} where only POST is served`);
  if (visit.visitor === 'public') throw new PosternError('sign-in-needed', 'only the owner can keep a public notebook');
  if (!tunnel.keep(visit.address)) throw new PosternError('page-unknown', "this notebook's agent does not stop it");
  const headers = ['Cache-Control', 'no-store', REQUEST_ID_HEADER, visit.requestId];
  return { status: 204, reason: 'No Content', headers, body: Buffer.alloc(0) };
}

/** `GET /_postern/notice.js`: the same for everybody. */
export function noticeAnswer(visit: FrontVisit): Answer {
  if (visit.method !== 'GET' && visit.method !== 'HEAD')
    throw new PosternError('method-refused', `${visit.method} on a script`);
  return scriptAnswer(NOTICE_SCRIPT, visit.requestId);
}

function statusOf(name: string, told: Told, { now, stranger }: { now: number; stranger: boolean }): Status {
  const { instance, job } = told;
  const web = told.readiness('web');
  const shown = job === undefined || stranger ? undefined : job;
  return {
    name,
    state: job?.state ?? 'running',
    ready: web?.ready === true,
    run: createHash('sha256').update(instance).digest('hex').slice(0, 16),
    now,
    ...defined('deadline', job?.deadline),
    ...defined('idleTimeoutMs', job?.idleTimeoutMs),
    ...defined('idleSince', job?.idleSince),
    ...defined('stopAt', job?.stopAt),
    ...defined('reason', shown?.reason),
    ...(shown === undefined
      ? {}
      : {
          job: {
            scheduler: shown.scheduler,
            ...defined('id', shown.id),
            ...defined('owner', shown.owner),
            ...defined('node', shown.node),
          },
        }),
  };
}

function defined<Key extends string, Value>(key: Key, value: Value | undefined): { [key in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [key in Key]?: Value });
}
