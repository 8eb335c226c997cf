// Reads the body of a request for a page of ours, which is always small.

import type { Readable } from 'node:stream';

import { PosternError } from '../../shared/errors.ts';

/** A body that has not arrived by then is given up; milliseconds. */
const BODY_TIMEOUT_MS = 10_000;

/** The body as text; rejects with PosternError `request-timeout`, or `body-too-large` beyond so many bytes. */
export function readSmallBody(body: Readable, most: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => reject(new PosternError('request-timeout')), BODY_TIMEOUT_MS).unref();
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= most) chunks.push(chunk);
      else reject(new PosternError('body-too-large', `more than ${most} bytes`));
    });
    body.on('close', () => clearTimeout(timer));
    body.on('error', reject);
    body.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}
