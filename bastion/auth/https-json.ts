// Asking another server for a small JSON document: HTTPS only, verified, bounded, and without following redirects.

import { request } from 'node:https';

import { lookup } from '../../shared/net/resolve.ts';

const MAX_BYTES = 512 * 1024;
/** From the first packet to the last byte, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** The document, or undefined where the server says 404. Rejects with an Error that says what went wrong. */
export async function fetchJson(url: string, ca: string | undefined): Promise<unknown> {
  const body = await fetchText(url, ca);
  return body === undefined ? undefined : (JSON.parse(body) as unknown);
}

function fetchText(url: string, ca: string | undefined): Promise<string | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const options = {
    lookup,
    agent: false,
    signal,
    headers: { accept: 'application/json' },
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const { statusCode } = response;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) response.destroy(new Error(`${url} sends more than ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        if (statusCode === 404) resolve(undefined);
        else if (statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
        else reject(new Error(`${url} answers ${statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
