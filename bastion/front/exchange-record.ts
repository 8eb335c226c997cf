// What is told of every finished exchange, for the access log and the metrics.

import type { ErrorCode } from '../../shared/errors.ts';

/** `TLS`: passed on undecrypted; then no method, path and status are known, and the bytes are ciphertext. */
export type Protocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2' | 'TLS';

export interface ExchangeRecord {
  readonly requestId: string;
  /** Empty when the request asked for no name. */
  readonly name: string;
  /** `web`, another service of the name, or a port. */
  readonly service: string;
  readonly visitor?: string;
  readonly address: string;
  /** What the visitor spoke. */
  readonly protocol: Protocol;
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** 0 when the visitor left before there was one. */
  readonly status: number;
  readonly code?: ErrorCode;
  /** Bytes of body, or of the protocol after an upgrade. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  readonly upgrade: boolean;
}
