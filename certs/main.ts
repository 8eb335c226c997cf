#!/usr/bin/env node
// postern-certs: the custom CA on the command line.

import { PosternError } from '../shared/errors.ts';
import { parseOptions } from '../shared/program/options.ts';
import { runProgram, type ProgramContext } from '../shared/program/run.ts';
import type { Authority } from './authority.ts';
import { describeAuthority } from './describe.ts';
import { issueLeaf } from './leaf.ts';
import { CERTS_PROGRAM } from './options.ts';
import { authorityPath, createAuthorityIn, loadAuthority, writeAtomically } from './store.ts';

/** Resolves to the exit code. */
export async function main(context: ProgramContext): Promise<number> {
  const { command, values } = parseOptions(CERTS_PROGRAM, context);
  const path = authorityPath(values.dir);
  switch (command) {
    case 'create':
      context.stdout.write(describeAuthority(createAuthorityIn(values.dir, values.domain, Date.now()), path));
      break;
    case 'show':
      context.stdout.write(describeAuthority(existing(values.dir), path));
      break;
    case 'export':
      context.stdout.write(existing(values.dir).certificate);
      break;
    case 'issue': {
      const { name: names, days } = values;
      const leaf = issueLeaf(existing(values.dir), { now: Date.now(), days, ...(names.length === 0 ? {} : { names }) });
      writeAtomically(values.keyOut, leaf.key, 0o600);
      writeAtomically(values.certOut, leaf.certificate, 0o644);
      context.stdout.write(`${values.certOut} is valid until ${new Date(leaf.expiresAt).toISOString()}\n`);
      break;
    }
  }
  return 0;
}

function existing(directory: string): Authority {
  const authority = loadAuthority(directory);
  if (authority === undefined) throw new PosternError('ca-invalid', `there is no CA in ${directory}`);
  return authority;
}

// Undefined where Node.js is too old, which runProgram says.
if ((import.meta.main as boolean | undefined) !== false) runProgram(main);
