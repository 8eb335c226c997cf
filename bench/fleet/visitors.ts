// Many visitors in one process: TLS connections that are opened and held, each with a WebSocket over it or with nothing.

import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { answerCalls } from './calls.ts';
import { settledMemory } from './memory.ts';

export interface VisitorsPlan {
  readonly port: number;
  readonly caFile: string;
  /** Asked for in turn, as server name and Host. */
  readonly hosts: readonly string[];
  readonly count: number;
  /** Without it, nothing is sent behind the TLS handshake. */
  readonly webSocket: boolean;
}

const AT_ONCE = 32;
const held: TLSSocket[] = [];
let lost = 0;

function upgradeRequest(host: string): string {
  const fields = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  return `GET /api/kernels/1/channels HTTP/1.1\r\nHost: ${host}\r\n${fields.join('\r\n')}\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n`;
}

function visit(plan: VisitorsPlan, ca: string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: plan.port, servername: host, ca, ALPNProtocols: ['http/1.1'] });
    const hold = (): void => {
      held.push(socket);
      resolve();
    };
    socket.on('error', reject);
    socket.on('close', () => {
      lost += 1;
      reject(new Error(`the connection to ${host} closed`));
    });
    socket.once('secureConnect', () => {
      if (!plan.webSocket) return hold();
      socket.write(upgradeRequest(host));
      socket.once('data', (answer: Buffer) => {
        const status = answer.toString('latin1', 0, 12);
        if (status === 'HTTP/1.1 101') hold();
        else reject(new Error(`${host} answered: ${answer.toString('latin1', 0, 400)}`));
      });
    });
  });
}

answerCalls({
  open: async (plan: VisitorsPlan) => {
    const ca = readFileSync(plan.caFile, 'utf8');
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < plan.count) {
        next += 1;
        await visit(plan, ca, plan.hosts[next % plan.hosts.length] as string);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  },
  state: () => ({ held: held.length, lost }),
  memory: settledMemory,
});
