// npm run build:agent: the agent as one executable file (esbuild bundle in Node's single-executable form), measured.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';
import { inject } from 'postject';

const root = join(import.meta.dirname, '..', '..');
const work = join(root, 'dist', 'sea');
const executable = join(root, 'dist', 'postern-agent');
/** The mark in Node's binary that postject looks for (Node's documentation of single executables). */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** The Node of the lock file, not whatever happens to run this. */
function baseBinary(): string {
  const binary = join(root, 'node_modules', `node-${platform()}-${arch()}`, 'bin', 'node');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: run npm ci on ${platform()} ${arch()}`);
  return binary;
}

async function bundle(output: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'agent', 'main.ts')],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // Node runs the main of a single executable as CommonJS.
    format: 'cjs',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    define: { 'import.meta.url': 'postern_main_url', 'import.meta.main': 'true' },
    banner: { js: "const postern_main_url = require('node:url').pathToFileURL(__filename).href;" },
    // Optional accelerators of ws that are not installed.
    external: ['bufferutil', 'utf-8-validate'],
    logLevel: 'warning',
  });
}

function prepareBlob(node: string, main: string, output: string): void {
  const config = join(work, 'sea-config.json');
  const settings = {
    main,
    output,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // Otherwise a job's NODE_OPTIONS, meant for other programs, would break the agent.
    execArgvExtension: 'none',
  };
  writeFileSync(config, JSON.stringify(settings));
  const { status, stderr } = spawnSync(node, ['--experimental-sea-config', config], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node could not make the blob: ${stderr}`);
}

/** Median milliseconds from spawn to exit of `--version`. */
function startTime(): number {
  const times = Array.from({ length: 7 }, () => {
    const started = performance.now();
    const { status, stderr } = spawnSync(executable, ['--version'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the executable does not start: ${stderr}`);
    return performance.now() - started;
  });
  return times.toSorted((a, b) => a - b)[3] ?? 0;
}

/** Resident bytes of an agent that has loaded everything and tries to reach a bastion that is not there. */
async function residentSize(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-build-'));
  const token = join(directory, 'token');
  writeFileSync(token, 'not-a-token', { mode: 0o600 });
  const args = [
    'attach',
    '--bastion',
    'https://127.0.0.1:9',
    '--name',
    'build',
    '--token-file',
    token,
    '--to',
    'unix:/nowhere',
  ];
  const agent = spawn(executable, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    await new Promise((resolve, reject) => {
      agent.stderr.once('data', resolve);
      agent.once('error', reject);
      agent.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
    });
    const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } finally {
    agent.removeAllListeners('exit').kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

const node = baseBinary();
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
await bundle(join(work, 'agent.cjs'));
prepareBlob(node, join(work, 'agent.cjs'), join(work, 'agent.blob'));
// Never in place: an agent that runs from the old file goes on with it.
rmSync(executable, { force: true });
copyFileSync(node, executable);
chmodSync(executable, 0o755);
await inject(executable, 'NODE_SEA_BLOB', readFileSync(join(work, 'agent.blob')), { sentinelFuse: FUSE });

const digest = createHash('sha256').update(readFileSync(executable)).digest('hex');
writeFileSync(`${executable}.sha256`, `${digest}  postern-agent\n`);
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `dist/postern-agent  ${mebibytes(statSync(executable).size)}, bundle ${mebibytes(statSync(join(work, 'agent.cjs')).size)}`,
);
console.log(`SHA-256             ${digest}`);
console.log(`start to exit       ${startTime().toFixed(0)} ms (--version, median of 7)`);
console.log(`resident            ${mebibytes(await residentSize())} while dialling`);
