// Full TLS handshakes, one after the other: one run of openssl's timer, without resumption.

import { runToEnd } from '../contrib/demo/child.ts';

/** How many handshakes were completed in so many seconds. */
export async function countHandshakes(url: string, seconds: number): Promise<number> {
  const where = ['-connect', `127.0.0.1:${new URL(url).port}`, '-new', '-tls1_3', '-time', `${seconds}`];
  const { code, output } = await runToEnd({ name: 'openssl', command: ['openssl', 's_time', ...where] });
  const count = /^(\d+) connections in [\d.]+ real seconds/m.exec(output)?.[1];
  if (code !== 0 || count === undefined || count === '0') throw new Error(`openssl s_time failed:\n${output}`);
  return Number(count);
}
