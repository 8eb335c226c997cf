// The peer "ssh -R behind nginx", what people do today: an sshd and an ssh of our own, with throw-away keys.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { runToEnd, type Child } from '../../contrib/demo/child.ts';
import { MARKER } from '../../contrib/demo/leftovers.ts';
import { freePort } from '../../contrib/demo/programs.ts';
import type { Ground, Peer } from './peer.ts';
import { fill, startNginx, startOnPort, versionOf } from './template.ts';

const SSHD = '/usr/sbin/sshd';
/** sshd started by root refuses to run without it; Debian makes it when its service starts. */
const PRIVILEGE_FOLDER = '/run/sshd';

export const openssh: Peer = {
  name: 'openssh',
  label: 'ssh -R behind nginx',
  needs: { nginx: 'nginx-light', ssh: 'openssh-client', [SSHD]: 'openssh-server' },
  describe: () => versionOf(['ssh', '-V']),
  async start(ground) {
    const [forwardedPort, port] = [await freePort(0), await freePort(0)];
    const { server, port: sshPort } = await startServer(ground);
    const client = await startClient(ground, sshPort, forwardedPort);
    const values = { UPSTREAM: `127.0.0.1:${forwardedPort}` };
    const front = await startNginx(ground, { template: 'nginx.conf', name: 'openssh-nginx', port, values });
    return { port, headers: {}, processes: [server, client, front] };
  },
};

/** An sshd of this run's own, with keys that are made for it. */
export async function startServer(ground: Ground): Promise<{ server: Child; port: number }> {
  const { place } = ground;
  const port = place?.ports.openssh ?? (await freePort(0));
  await makeKeys(ground);
  if (process.getuid?.() === 0 && !existsSync(PRIVILEGE_FOLDER)) mkdirSync(PRIVILEGE_FOLDER, { mode: 0o755 });
  const listening = { PORT: port, LISTEN: place?.listenHost ?? '127.0.0.1', FOLDER: ground.folder };
  const config = fill('sshd_config', join(ground.folder, 'sshd_config'), listening);
  return { server: await startOnPort(ground, 'sshd', [SSHD, '-D', '-e', '-f', config], port), port };
}

/** A client that forwards a port of the server to the notebook. */
export function startClient(ground: Ground, sshPort: number, forwardedPort: number): Promise<Child> {
  return startOnPort(ground, 'ssh', clientCommand(ground, sshPort, forwardedPort), forwardedPort);
}

async function makeKeys(ground: Ground): Promise<void> {
  if (existsSync(join(ground.folder, 'ssh-known'))) return;
  for (const name of ['ssh-host-key', 'ssh-client-key']) {
    const command = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(ground.folder, name)];
    const { code, output } = await runToEnd({ name: 'ssh-keygen', command });
    if (code !== 0) throw new Error(`ssh-keygen failed: ${output}`);
  }
  copyFileSync(join(ground.folder, 'ssh-client-key.pub'), join(ground.folder, 'ssh-authorized'));
  const hostKey = readFileSync(join(ground.folder, 'ssh-host-key.pub'), 'utf8');
  writeFileSync(join(ground.folder, 'ssh-known'), `bench ${hostKey}`);
}

function clientCommand(ground: Ground, sshPort: number, forwardedPort: number): string[] {
  const options = {
    IdentityFile: join(ground.folder, 'ssh-client-key'),
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: join(ground.folder, 'ssh-known'),
    StrictHostKeyChecking: 'yes',
    HostKeyAlias: 'bench',
    ExitOnForwardFailure: 'yes',
    Compression: 'no',
    Ciphers: 'aes128-gcm@openssh.com',
    IPQoS: 'none',
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const forward = `127.0.0.1:${forwardedPort}:${ground.upstreamSocket}`;
  const server = ['-p', `${sshPort}`, `${userInfo().username}@${ground.place?.dialHost ?? '127.0.0.1'}`];
  // With -N instead of a command, OpenSSH leaves Nagle's algorithm on: small answers then wait up to 40 ms.
  const far = ground.place?.far ?? [];
  // sshd gives it an environment of its own; marked, it is found when the run ends.
  const command = `exec env ${MARKER}=${ground.id} sleep infinity`;
  return [...far, 'ssh', '-F', 'none', '-T', ...flags, '-R', forward, ...server, command];
}
