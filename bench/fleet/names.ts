// What the agents of the fleet are called, and whose they are.

import { join } from 'node:path';

/** Agents are called `fleet-0`, `fleet-1` and so on. */
export const PREFIX = 'fleet';
export const AGENTS_OF_AN_OWNER = 20;

/** The file with the credential of an agent's owner. */
export function tokenOf(folder: string, agent: number): string {
  return join(folder, `token-${Math.floor(agent / AGENTS_OF_AN_OWNER)}`);
}
