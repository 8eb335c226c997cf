// The one way in which the bastion asks other people's web services: verified TLS, no redirects, bounded time and size.

import { Agent, fetch as undiciFetch, type RequestInit } from 'undici';

import { lookup } from '../../shared/net/resolve.ts';

/** Providers' answers are small; milliseconds and bytes. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1_048_576;

export type OutsideFetch = typeof globalThis.fetch;

/**
 * A `fetch` that trusts the authorities given in PEM, or without any those of Node and the system. Rejects like `fetch`
 * when the service is not reached, is not who it should be, answers with a redirect, too late, or with more than 1 MiB.
 */
export function outsideFetch(ca: string | undefined): OutsideFetch {
  const dispatcher = new Agent({
    connect: { ...(ca === undefined ? {} : { ca }), lookup, timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_BYTES,
    pipelining: 0,
  });
  const ask = async (input: string | URL, init?: RequestInit): Promise<unknown> =>
    undiciFetch(input, { ...init, redirect: 'manual', dispatcher });
  // The two packages describe the same standard in types of their own.
  return ask as unknown as OutsideFetch;
}
