// The ground on which all peers compete: one upstream, one certificate, one directory; all gone at the end.

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../certs/authority.ts';
import { issueLeaf } from '../certs/leaf.ts';
import { killLeftovers } from '../contrib/demo/leftovers.ts';
import { freePort } from '../contrib/demo/programs.ts';
import type { Ground } from './peers/peer.ts';
import { startNginx } from './peers/template.ts';
import { BULK_BYTES, BULK_PATH } from './scenarios.ts';

const DOMAIN = 'notebooks.localhost';

/** Folder and certificate, with nothing behind the upstream's socket yet. */
export async function bareGround(id: string, domain: string = DOMAIN): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const upstreamSocket = join(folder, 'notebook.sock');
  const upstreamTlsPort = await freePort(0);
  const certificate = writeCertificate(folder, domain);
  return { folder, host: `demo.${domain}`, domain, ...certificate, upstreamSocket, upstreamTlsPort, id };
}

/** Starts the upstream; disposing stops everything that carries the run's mark. */
export async function layGround(id: string): Promise<Ground & AsyncDisposable> {
  const ground = await bareGround(id);
  const www = join(ground.folder, 'www');
  mkdirSync(www);
  writeFileSync(join(www, BULK_PATH), '');
  truncateSync(join(www, BULK_PATH), BULK_BYTES);
  const upstream = await startNginx(ground, {
    template: 'upstream.conf',
    name: 'upstream',
    port: ground.upstreamTlsPort,
    values: { SOCKET: ground.upstreamSocket },
  });
  return {
    ...ground,
    async [Symbol.asyncDispose]() {
      await upstream.stop();
      killLeftovers(id);
    },
  };
}

function writeCertificate(
  folder: string,
  domain: string,
): Pick<Ground, 'certificateFile' | 'keyFile' | 'caFile' | 'ca'> {
  const now = Date.now();
  const authority = createAuthority({ domain, now });
  const leaf = issueLeaf(authority, { now });
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    certificateFile: write('certificate.pem', leaf.certificate),
    keyFile: write('key.pem', leaf.key),
    caFile: write('ca.pem', authority.certificate),
    ca: authority.certificate,
  };
}
