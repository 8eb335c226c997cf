// Composition root of the agent: chooses the upstream for what was asked and ties the notebook's life to its tunnel's.

import { randomBytes } from 'node:crypto';

import { PosternError } from '../shared/errors.ts';
import { systemClock } from '../shared/mux/clock.ts';
import { readAuthorities, systemAuthorities } from '../shared/net/trust.ts';
import type { Log } from '../shared/program/log.ts';
import type { AnnounceOptions } from './announce.ts';
import { startChild } from './child.ts';
import { listeningOf, prepareCommand, type PreparedCommand } from './command.ts';
import { openEndToEnd } from './end-to-end.ts';
import { endCommand } from './ending.ts';
import { EXIT } from './exit-code.ts';
import { createJobSide, type JobSide } from './job-side.ts';
import { jobContext } from './job/ask.ts';
import { openHtcondor } from './job/htcondor.ts';
import type { Job, JobContext, OpenJob } from './job/job.ts';
import { openPlain } from './job/plain.ts';
import { openSlurm } from './job/slurm.ts';
import { createJupyter, type Jupyter, type JupyterOptions } from './jupyter.ts';
import { NotebookRun } from './notebook-run.ts';
import { Offer } from './offer.ts';
import type { AgentCommand, AttachValues, CommonValues, RunValues } from './options.ts';
import { findPlace, type Place } from './placement.ts';
import { firstAnswer } from './readiness.ts';
import { readSecretFile } from './secret-file.ts';
import { openServices, type Services, type ServiceValues } from './services.ts';
import { firstOf } from './upstreams/first-of.ts';
import { fileOwnedBy, portOwnedBy } from './upstreams/ownership.ts';
import { tcpUpstream, unixUpstream } from './upstreams/socket.ts';
import { parseTarget, targetLabel, type Target } from './upstreams/target.ts';
import { tlsUpstream } from './upstreams/tls.ts';
import type { Upstream } from './upstreams/upstream.ts';

export interface AgentContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The agent's own user: what it forwards to must be theirs. */
  readonly uid: number;
  readonly terminal: AnnounceOptions['terminal'];
  /** Standard output. */
  readonly output: { write(text: string): unknown };
  readonly log: Log;
}

/** A started agent. */
export interface Running {
  /** The exit code, once everything has ended. */
  readonly done: Promise<number>;
  /** The first signal: ends what runs in good order. Resolves with `done`. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** The second: now. */
  kill(): void;
  /** The agent itself is about to die: a last word to the command. Synchronous. */
  abandon(): void;
}

const TOKEN_BYTES = 32;
const LOOPBACK = ['127.0.0.1', '::1'] as const;
/** Longest time a timer can have: what keeps the process alive between attempts, whose own timers don't. */
const FOREVER_MS = 2 ** 31 - 1;

/** Starts what the command line asked for; rejects with `options-invalid` when that is not possible. */
export async function startAgent(command: AgentCommand, context: AgentContext): Promise<Running> {
  const keepAlive = setInterval(() => {}, FOREVER_MS);
  try {
    const running =
      command.command === 'run'
        ? await startRun(command.values, command.rest, context)
        : startAttach(command.values, context);
    void running.done.finally(() => clearInterval(keepAlive));
    return running;
  } catch (error) {
    clearInterval(keepAlive);
    throw error;
  }
}

async function startRun(values: RunValues, words: readonly string[], context: AgentContext): Promise<Running> {
  const place = await findPlace(listeningOf(words));
  try {
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const prepared = prepareCommand({ words, placement: place, token, env: context.env });
    const upstream = upstreamAt(targetOf(place), { uid: context.uid });
    const { env, log } = context;
    const authorization = runAuthorization(values, prepared);
    const services = servicesOf(values, context);
    const jupyter = askable({ upstream, authorization, base: prepared.base, certain: prepared.jupyter });
    const { offer, side } = createOffer(
      {
        values,
        upstream,
        services,
        authorization,
        jupyter,
        token: tokenFor(prepared),
        idle: () => void run.stop('SIGTERM'),
      },
      context,
    );
    log.info({ command: words[0], listening: upstream.label }, 'Starting the command');
    const child = startChild({ words: prepared.words, env: { ...env, ...prepared.env }, log });
    const ask = prepared.jupyter ? () => jupyter.shutdown() : undefined;
    const ending = { child, ask, graceMs: values.stopGrace, clock: systemClock };
    const run: NotebookRun = new NotebookRun({
      child,
      offer,
      answered: async (signal) => {
        await firstAnswer(upstream, prepared.jupyter ? 'http' : 'connect', signal, systemClock);
        side.ready();
      },
      patienceMs: values.patience,
      end: (signal) => endCommand(ending, signal),
      cleanUp: () => Promise.all([place.remove(), side.close()]).then(() => {}),
      log,
    });
    side.start();
    return told(run, side);
  } catch (error) {
    await place.remove();
    throw error;
  }
}

/** Whoever stops it, the bastion is told first: its visitors are to know why. */
function told(run: NotebookRun, side: JobSide): Running {
  return {
    done: run.done,
    stop: (signal) => {
      side.stopped(signal);
      return run.stop(signal);
    },
    kill: () => run.kill(),
    abandon: () => run.abandon(),
  };
}

function startAttach(values: AttachValues, context: AgentContext): Running {
  const target = parseTarget(values.to);
  const upstream = upstreamAt(target, trustOf(values, context));
  const authorization = values.authorizationFile === undefined ? undefined : readSecretFile(values.authorizationFile);
  const services = servicesOf(values, context);
  const { log } = context;
  const jupyter = askable({ upstream, authorization, base: '/', certain: false });
  const { offer, side } = createOffer(
    { values, upstream, services, authorization, jupyter, idle: () => void offer.close() },
    context,
  );
  const end = new AbortController();
  firstAnswer(upstream, 'connect', end.signal, systemClock).then(
    () => {
      offer.ready();
      side.ready();
    },
    () => {},
  );
  offer.start();
  side.start();
  const done = offer.ended.then(async (error) => {
    end.abort();
    await Promise.all([offer.close(), side.close()]);
    return attachExit(error, log);
  });
  return {
    done,
    stop: async (signal) => {
      side.stopped(signal);
      await offer.close();
      await done;
    },
    kill: () => offer.destroy(),
    abandon: () => {},
  };
}

interface Offered {
  /** The notebook's own token, as far as it is known and goes into an address. */
  readonly token?: string | undefined;
  readonly values: CommonValues;
  readonly upstream: Upstream;
  readonly services: Services;
  readonly authorization: string | undefined;
  readonly jupyter: Jupyter;
  /** Nobody uses the notebook any more. */
  idle(): void;
}

function createOffer(offered: Offered, { env, terminal, output, log }: AgentContext): { offer: Offer; side: JobSide } {
  const { values, upstream, services, authorization, jupyter } = offered;
  const endToEnd = openEndToEnd(values, { clock: systemClock, log });
  const side: JobSide = createJobSide({
    values,
    job: findJob(values.job, jobContext(env)),
    output,
    ask: () => jupyter.testimony(),
    tell: (info) => offer.tell(info),
    idle: () => offered.idle(),
    log,
  });
  const offer: Offer = new Offer({
    ...{
      values,
      upstream,
      services,
      env,
      authorization: endToEnd === undefined ? authorization : undefined,
      terminal,
      log,
    },
    endToEnd,
    token: offered.token,
    quiet: [...jupyter.quiet, ...values.idleIgnore],
    job: () => side.facts(),
    located: (url) => side.located(url),
    heard: (info) => side.heard(info),
  });
  return { offer, side };
}

function askable(options: Omit<JupyterOptions, 'now'>): Jupyter {
  return createJupyter({ ...options, now: Date.now });
}

/** A pilot of HTCondor may itself be a job of Slurm: the inner one is the notebook's. */
const BATCH_SYSTEMS: Readonly<Record<'htcondor' | 'slurm', OpenJob>> = { htcondor: openHtcondor, slurm: openSlurm };

/** Throws `options-invalid` when the environment is not that of the batch system that was named. */
function findJob(wished: CommonValues['job'], context: JobContext): Job {
  if (wished === 'none') return openPlain(context);
  if (wished === 'auto') return BATCH_SYSTEMS.htcondor(context) ?? BATCH_SYSTEMS.slurm(context) ?? openPlain(context);
  const job = BATCH_SYSTEMS[wished](context);
  if (job !== undefined) return job;
  throw new PosternError('options-invalid', `--job ${wished}: the environment is not that of such a job`);
}

function attachExit(error: PosternError, log: Log): number {
  if (error.code === 'session-closed') return EXIT.ok;
  if (error.code === 'replaced') return EXIT.replaced;
  log.error({ code: error.code }, `The bastion refused: ${error.message}. ${error.entry.advice}`);
  return EXIT.refused;
}

function targetOf(place: Place): Target {
  return parseTarget(place.listening === 'socket' ? `unix:${place.value}` : `http://127.0.0.1:${place.value}`);
}

interface Trust {
  /** Undefined: whoever answers there is right. */
  readonly uid: number | undefined;
  readonly caFile?: string | undefined;
}

type TrustValues = Pick<AttachValues, 'allowForeignUpstream' | 'upstreamCa'>;

function trustOf({ allowForeignUpstream, upstreamCa }: TrustValues, { uid }: Pick<AgentContext, 'uid'>): Trust {
  return { uid: allowForeignUpstream ? undefined : uid, caFile: upstreamCa };
}

function servicesOf(values: ServiceValues & TrustValues, { uid }: AgentContext): Services {
  return openServices(values, {
    ofTarget: (target) => upstreamAt(target, trustOf(values, { uid })),
    ofPort: (port) =>
      firstOf(
        `http://localhost:${port}`,
        LOOPBACK.map((host) => portAt(host, port, uid)),
      ),
  });
}

/** A port that was allowed by its number may be anybody's by the time it is asked for: its owner is always looked at. */
function portAt(host: string, port: number, uid: number): Upstream {
  return tcpUpstream({ label: `${host}:${port}`, host, port, check: portOwnedBy(uid, host, port) });
}

function upstreamAt(target: Target, { uid, caFile }: Trust): Upstream {
  const label = targetLabel(target);
  if (target.kind === 'unix') {
    const check = uid === undefined ? undefined : fileOwnedBy(uid, target.path);
    return unixUpstream({ label, path: target.path, check });
  }
  const { host, port, name } = target;
  const check = uid !== undefined && target.loopback ? portOwnedBy(uid, host, port) : undefined;
  if (target.kind === 'tcp') return tcpUpstream({ label, host, port, check });
  const ca = caFile === undefined ? systemAuthorities() : readAuthorities(caFile);
  return tlsUpstream({ label, host, port, name, ca, check });
}

/** A Jupyter takes its token from the address; of others nobody knows. */
function tokenFor({ jupyter, token }: PreparedCommand): string | undefined {
  return jupyter ? token : undefined;
}

function runAuthorization(values: RunValues, { jupyter, token }: PreparedCommand): string | undefined {
  if (values.authorizationFile !== undefined) return readSecretFile(values.authorizationFile);
  if (token === undefined || values.authorization === 'none') return undefined;
  if (values.authorization === 'bearer') return `Bearer ${token}`;
  return jupyter || values.authorization === 'token' ? `token ${token}` : undefined;
}
