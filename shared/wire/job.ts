// What the two ends tell each other about the batch job that a notebook runs in, and about whether anybody uses it.

import { count, malformed, object, oneOf, text, type Json } from './json.ts';

/** Feature of an agent that wants to be told `activity` and `keep`. */
export const ACTIVITY_FEATURE = 'activity';

/** What an agent knows of the job that it runs in; all of it is shown to the owner and to operators. */
export interface JobFacts {
  /** `slurm`, `htcondor`, or `none` outside any batch system that the agent knows. */
  readonly scheduler: string;
  readonly id?: string;
  /** The account that the job runs under on its node. */
  readonly owner?: string;
  readonly node?: string;
  /** Milliseconds until the batch system ends the job; a span, because nobody compares the two ends' clocks. */
  readonly remainingMs?: number;
  /** The agent stops the notebook when nobody has used it for so long. */
  readonly idleTimeoutMs?: number;
  /** The bastion may tell visitors in the notebook's own pages when the end is near. */
  readonly notice?: boolean;
}

/** running: as usual. ending: the notebook is being stopped for good. preempted: stopped, and may start again elsewhere. */
export const JOB_STATES = ['running', 'ending', 'preempted'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** agent: the job goes on, or does not. */
export interface JobInfo {
  readonly type: 'job';
  readonly state: JobState;
  readonly remainingMs?: number;
  /** Why it ends, for people: `nobody used it for 30 minutes`. */
  readonly reason?: string;
}

/** agent: for how long nobody has used the notebook, and after how long the agent stops it if that stays so; milliseconds. */
export interface IdleInfo {
  readonly type: 'idle';
  readonly idleMs: number;
  readonly stopMs?: number;
}

/** bastion: what visitors did, each as milliseconds since it happened last; left out if it never did. */
export interface ActivityInfo {
  readonly type: 'activity';
  /** Connections that speak another protocol now, WebSockets for the most part. */
  readonly connections: number;
  /** A request of any method, or a part of a body. */
  readonly requestMs?: number;
  /** A request of a method that is not safe (RFC 9110, 9.2.1). */
  readonly changeMs?: number;
  /** A data frame that a visitor sent over a WebSocket, never a ping, pong or close; a byte over any other protocol. */
  readonly sentMs?: number;
  /** The same from the notebook. */
  readonly receivedMs?: number;
}

/** bastion: a visitor asked that the notebook be kept, from this address. */
export interface KeepInfo {
  readonly type: 'keep';
  readonly from: string;
}

const LONGEST_MS = Number.MAX_SAFE_INTEGER;

/** The same news when it is told again so many milliseconds later. */
export function aged(info: JobInfo | IdleInfo, ms: number): JobInfo | IdleInfo {
  const less = (span: number): number => Math.max(0, Math.round(span - ms));
  if (info.type === 'job')
    return info.remainingMs === undefined ? info : { ...info, remainingMs: less(info.remainingMs) };
  if (info.idleMs === 0) return info;
  return {
    ...info,
    idleMs: Math.round(info.idleMs + ms),
    ...(info.stopMs === undefined ? {} : { stopMs: less(info.stopMs) }),
  };
}

/** Reads `job` of a registration; throws PosternError `registration-malformed`. */
export function readJobFacts(value: unknown): JobFacts {
  const json = object(value, 'job');
  return {
    scheduler: text(json, 'scheduler', 32),
    ...optionalText(json, 'id', 64),
    ...optionalText(json, 'owner', 64),
    ...optionalText(json, 'node', 255),
    ...optionalSpan(json, 'remainingMs'),
    ...optionalSpan(json, 'idleTimeoutMs'),
    ...(json['notice'] === undefined ? {} : { notice: flag(json, 'notice') }),
  };
}

/** Reads an INFO of a type of this file, or undefined; throws what names the wrong field. */
export function readJobInfo(json: Json): JobInfo | IdleInfo | ActivityInfo | KeepInfo | undefined {
  switch (json['type']) {
    case 'job':
      return {
        type: 'job',
        state: oneOf(json, 'state', JOB_STATES),
        ...optionalSpan(json, 'remainingMs'),
        ...optionalText(json, 'reason', 200),
      };
    case 'idle':
      return { type: 'idle', idleMs: count(json, 'idleMs', LONGEST_MS), ...optionalSpan(json, 'stopMs') };
    case 'activity':
      return {
        type: 'activity',
        connections: count(json, 'connections', LONGEST_MS),
        ...optionalSpan(json, 'requestMs'),
        ...optionalSpan(json, 'changeMs'),
        ...optionalSpan(json, 'sentMs'),
        ...optionalSpan(json, 'receivedMs'),
      };
    case 'keep':
      return { type: 'keep', from: text(json, 'from', 64) };
    default:
      return undefined;
  }
}

function optionalText<Key extends string>(json: Json, key: Key, longest: number): { [key in Key]?: string } {
  return json[key] === undefined ? {} : ({ [key]: text(json, key, longest) } as { [key in Key]?: string });
}

function optionalSpan<Key extends string>(json: Json, key: Key): { [key in Key]?: number } {
  return json[key] === undefined ? {} : ({ [key]: count(json, key, LONGEST_MS) } as { [key in Key]?: number });
}

function flag(json: Json, field: string): boolean {
  const value = json[field];
  if (typeof value !== 'boolean') throw malformed(field, 'neither true nor false');
  return value;
}
