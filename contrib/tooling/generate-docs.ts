// Writes what is generated from tables: docs/options.md, docs/errors.md, .oxlintrc.json; with --check it only compares.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { format, resolveConfig } from 'prettier';

import { AGENT_PROGRAM } from '../../agent/options.ts';
import { BASTION_PROGRAM } from '../../bastion/options.ts';
import { CERTS_PROGRAM } from '../../certs/options.ts';
import { errorReference } from './error-reference.ts';
import { optionReference } from './option-reference.ts';
import { oxlintConfiguration } from './walls.ts';

const root = join(import.meta.dirname, '..', '..');

const GENERATED: readonly (readonly [path: string, text: () => string])[] = [
  ['docs/options.md', () => optionReference([BASTION_PROGRAM, AGENT_PROGRAM, CERTS_PROGRAM])],
  ['docs/errors.md', errorReference],
  ['.oxlintrc.json', oxlintConfiguration],
];

async function formatted(path: string, text: string): Promise<string> {
  const filepath = join(root, path);
  return path.endsWith('.md') ? format(text, { ...(await resolveConfig(filepath)), filepath }) : text;
}

const check = process.argv.includes('--check');
let stale = 0;
for (const [path, text] of GENERATED) {
  const file = join(root, path);
  const wanted = await formatted(path, text());
  if (existsSync(file) && readFileSync(file, 'utf8') === wanted) continue;
  stale += 1;
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
  }
  console.log(check ? `${path} is not what its table gives: run npm run docs` : `${path} written`);
}
if (stale === 0) console.log('what is generated is up to date');
process.exitCode = check && stale > 0 ? 1 : 0;
