// The bastion's admin port, which the bastion before it may still have: then it is taken as soon as that one is gone.

import { startAdmin } from '../shared/program/admin.ts';
import type { Admin, AdminOptions } from '../shared/program/admin.ts';
import type { Log } from '../shared/program/log.ts';

export interface AdminPort {
  /** undefined while somebody else has it. */
  readonly port: number | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

const AGAIN_MS = 500;

/**
 * Listens, or at an address in use tries until it can if it `mayWait`: the public socket was handed over, so the one who
 * had both is still there. Rejects when the address can't be bound for another reason, or may not be waited for.
 */
export async function openAdminPort(
  options: AdminOptions,
  { mayWait, log }: { mayWait: boolean; log: Log },
): Promise<AdminPort> {
  let admin: Admin | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const attempt = async (): Promise<void> => {
    try {
      admin = await startAdmin(options);
    } catch (error) {
      if (!mayWait || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      timer = setTimeout(() => void again(), AGAIN_MS).unref();
    }
  };
  const again = async (): Promise<void> => {
    try {
      await attempt();
      if (admin !== undefined) log.info({ adminPort: admin.port }, 'the admin port is free now, and taken');
      if (closed) await admin?.close();
    } catch (err) {
      log.error({ err }, 'the admin port cannot be taken');
    }
  };
  await attempt();
  if (admin === undefined)
    log.warn({ port: options.port }, 'the admin port is in use still, and is taken when it is free');
  return {
    get port() {
      return admin?.port;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await admin?.close();
    },
  };
}
