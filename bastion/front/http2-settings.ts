// What an HTTP/2 connection may cost: our SETTINGS, and the limits that Node's session keeps for us.

import type { ServerSessionOptions } from 'node:http2';

import type { Http2Limits as RequestLimits } from '../forward/http2-request.ts';
import type { Rate } from '../../shared/token-bucket.ts';

/** Limits of HTTP/2 connections; every one has a default. */
export interface Http2Limits {
  /** Streams of one connection at once. */
  readonly streams?: number;
  /** Bytes of a request's body that may come ahead of the notebook's reading. */
  readonly window?: number;
  /** Streams that end before their answers do, whoever resets them. */
  readonly resets?: Rate;
  /** PING and SETTINGS frames. */
  readonly controls?: Rate;
  /** Senseless frames, as empty DATA. */
  readonly invalidFrames?: number;
  /** Bytes that a connection may hold of headers and of answers that wait to be sent. */
  readonly memory?: number;
}

export interface Http2Settings extends RequestLimits {
  readonly streams: number;
  readonly window: number;
  readonly connectionWindow: number;
  readonly resets: Rate;
  readonly controls: Rate;
  readonly invalidFrames: number;
  readonly memory: number;
  /** Milliseconds that a connection without a stream is kept. */
  readonly idleMs: number;
  /** Milliseconds from the TLS handshake to the first SETTINGS. */
  readonly prefaceMs: number;
}

/** Fields of one request. */
const MAX_HEADERS = 256;
/** What RFC 9113 §6.5.2 adds to the bytes of each field. */
const FIELD_OVERHEAD = 32;
/** Uploads side by side don't share one stream's window. */
const WINDOWS_PER_CONNECTION = 4;
const MEGABYTE = 1_000_000;

/** The limits with their defaults, and those of the listener that hold for every version of HTTP. */
export function http2Settings(
  limits: Http2Limits,
  common: { readonly maxHeaderBytes: number; readonly headersTimeoutMs: number; readonly keepAliveMs: number },
): Http2Settings {
  const window = limits.window ?? 256 * 1024;
  return {
    streams: limits.streams ?? 128,
    window,
    connectionWindow: WINDOWS_PER_CONNECTION * window,
    resets: limits.resets ?? { burst: 500, perSecond: 50 },
    controls: limits.controls ?? { burst: 200, perSecond: 20 },
    invalidFrames: limits.invalidFrames ?? 100,
    memory: limits.memory ?? 32 * 1024 * 1024,
    maxHeaderBytes: common.maxHeaderBytes,
    maxHeaders: MAX_HEADERS,
    idleMs: common.keepAliveMs,
    prefaceMs: common.headersTimeoutMs,
  };
}

/**
 * Heads up to twice as large as served are let through to where they are answered with 431 instead of a reset; beyond
 * that Node resets the stream. Not more than 8 CONTINUATION frames may follow one HEADERS: nghttp2 has that limit built in.
 */
export function sessionOptions(settings: Http2Settings): ServerSessionOptions {
  return {
    maxSessionMemory: Math.ceil(settings.memory / MEGABYTE),
    maxHeaderListPairs: 2 * MAX_HEADERS,
    maxSessionInvalidFrames: settings.invalidFrames,
    streamResetBurst: settings.resets.burst,
    streamResetRate: settings.resets.perSecond,
    // The notebook's answers are passed on as they are.
    strictSingleValueFields: false,
    settings: {
      enableConnectProtocol: true,
      maxConcurrentStreams: settings.streams,
      initialWindowSize: settings.window,
      maxHeaderListSize: 2 * settings.maxHeaderBytes + MAX_HEADERS * FIELD_OVERHEAD,
    },
  };
}
