// Commands of postern-bastion, as a shell would run them, beside a running bastion.

import { main } from '../../bastion/main.ts';
import type { ProgramContext } from '../../shared/program/run.ts';

/** What the command prints; rejects with what it throws. */
export async function bastionCommand(...argv: readonly string[]): Promise<string> {
  let printed = '';
  const stdout = { write: (text: string) => (printed += text) !== '' } as unknown as ProgramContext['stdout'];
  await main({ argv, env: {}, stdout, stderr: stdout, readFile: () => '' });
  return printed;
}
