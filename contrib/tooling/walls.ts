// The walls between the rooms of the house (docs/architecture.md, W1 to W9), as a table from which .oxlintrc.json is generated.

/** An import that a room must not have, by the text of its specifier. */
export interface Ban {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: true;
}

/** A part of the tree. Rooms go from wide to narrow: the last one that holds a file decides, so each has its whole list. */
interface Room {
  readonly files: readonly string[];
  readonly bans: readonly Ban[];
  /** Reads and writes bytes only: no I/O, no timers, no log (W4). */
  readonly pure?: true;
  /** May read `process` (W7). */
  readonly process?: true;
}

const PRODUCT = ['shared', 'bastion', 'agent', 'certs'];
const OUTSIDE = ['test', 'bench', 'contrib', 'docs'];

/** W6: package -> the files that may import it. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  ws: ['shared/link/**'],
  pino: ['shared/program/log.ts'],
  'pino-pretty': ['shared/program/log.ts'],
  'prom-client': ['bastion/metrics.ts', 'agent/metrics.ts'],
  yargs: ['shared/program/options.ts'],
  'node-forge': ['certs/der.ts'],
  jose: ['bastion/auth/**'],
  'openid-client': ['bastion/auth/oidc.ts'],
  undici: ['bastion/auth/outside-fetch.ts'],
};
/** What only tests, benchmarks and tools may import. */
const TOOLS = [
  'http-proxy',
  'oidc-provider',
  'fast-check',
  'playwright-core',
  'esbuild',
  'postject',
  'typescript',
  'prettier',
];

/** W5: implementations behind seams; the interface files beside them are free. */
const IMPLEMENTATIONS: Readonly<Record<string, readonly string[]>> = {
  'bastion/routes': ['memory', 'redis', 'peer'],
  'bastion/auth': ['any-of', 'token', 'jwt', 'mtls', 'oidc', 'jupyterhub'],
  'bastion/tls': ['files', 'custom-ca', 'acme'],
  'bastion/store': ['sqlite'],
  'agent/upstreams': ['socket', 'tls'],
  'agent/job': ['plain', 'htcondor', 'slurm'],
};

const ROOTS_OF_COMPOSITION = [
  ...['bastion/bastion.ts', 'bastion/credentials.ts', 'bastion/main.ts'],
  ...['agent/agent.ts', 'agent/main.ts'],
];

/** Every import whose path passes through one of these folders on its way up or down. */
function folders(wall: string, names: readonly string[]): Ban {
  return {
    regex: `(^|/)\\.{1,2}/(${names.join('|')})/`,
    message: `${wall}: this room knows nothing of ${names.join(', ')}.`,
  };
}

function packages(allowed: readonly string[] = []): Ban {
  const names = [...Object.keys(DOORS), ...TOOLS].filter((name) => !allowed.includes(name));
  return {
    regex: `^(${names.join('|')})(/|$)`,
    message: 'W6: each third-party package has one door, and it is not here.',
  };
}

const NO_PROCESS: Ban = {
  regex: '^(node:)?process$',
  message: 'W7: only main.ts files and shared/program know the process.',
};
const RELATIVE: Ban = { regex: '^(#|/|file:|postern(/|$))', message: 'W9: imports are relative.' };
/** Written out, because the linter's regular expressions have no look-ahead (an unusable one is dropped without a word). */
const IO_MODULES = [
  ...['assert', 'async_hooks', 'child_process', 'cluster', 'dgram', 'diagnostics_channel', 'dns', 'domain', 'events'],
  ...['fs', 'http', 'http2', 'https', 'inspector', 'module', 'net', 'os', 'perf_hooks', 'process', 'readline', 'repl'],
  ...['sqlite', 'stream', 'test', 'timers', 'tls', 'tty', 'v8', 'vm', 'wasi', 'worker_threads', 'zlib'],
];
const NO_IO: Ban = {
  regex: `^(node:)?(${IO_MODULES.join('|')})(/|$)|(^|/)program/`,
  message: 'W4: a pure file does no I/O, has no timers and no log.',
  // Their types are only words.
  allowTypeImports: true,
};
const EVERYTHING: Ban = { regex: '.', message: 'errors.ts is the ground: it imports nothing.' };

function implementations(): Ban {
  const paths = Object.entries(IMPLEMENTATIONS).map(
    ([folder, names]) => `${folder.split('/')[1]}/(${names.join('|')})`,
  );
  return {
    regex: `/(${paths.join('|')})\\.ts$`,
    message: 'W5: only a composition root chooses an implementation.',
  };
}

/** Inside a seam's own folder the implementations are written `./token.ts`; siblings never import each other. */
function siblings(names: readonly string[]): Ban {
  return {
    regex: `^\\./(${names.join('|')})\\.ts$`,
    message: 'W5: implementations of a seam never import each other.',
  };
}

const shared = [folders('W1', ['bastion', 'agent', 'certs', ...OUTSIDE]), NO_PROCESS, RELATIVE];
const bastion = [folders('W2', ['agent', ...OUTSIDE]), NO_PROCESS, RELATIVE];
const agent = [folders('W2', ['bastion', 'certs', ...OUTSIDE]), NO_PROCESS, RELATIVE];
const certs = [folders('W2', ['bastion', 'agent', ...OUTSIDE]), RELATIVE];
const FACES = ['portal', 'admin', 'compat'];

export const ROOMS: readonly Room[] = [
  { files: ['shared/**'], bans: [...shared, packages()] },
  { files: ['shared/errors.ts'], bans: [EVERYTHING], pure: true },
  {
    files: ['shared/wire/**'],
    bans: [...shared, folders('W3', ['mux', 'link', 'net', 'program']), NO_IO, packages()],
    pure: true,
  },
  { files: ['shared/mux/**'], bans: [...shared, folders('W3', ['link', 'net', 'program']), packages()] },
  {
    files: ['shared/mux/credit.ts', 'shared/mux/stream-state.ts'],
    bans: [...shared, folders('W3', ['link', 'net', 'program']), NO_IO, packages()],
    pure: true,
  },
  { files: ['shared/link/**'], bans: [...shared, folders('W3', ['program']), packages(['ws'])] },
  { files: ['shared/net/**'], bans: [...shared, folders('W3', ['wire', 'mux', 'link', 'program']), packages()] },
  {
    files: ['shared/program/**'],
    bans: [shared[0] as Ban, RELATIVE, folders('W3', ['wire', 'mux', 'link', 'net']), packages()],
    process: true,
  },
  ...door('shared/program/options.ts', ['yargs']),
  ...door('shared/program/log.ts', ['pino', 'pino-pretty']),

  { files: ['bastion/**'], bans: [...bastion, implementations(), packages()] },
  { files: ['bastion/metrics.ts'], bans: [...bastion, implementations(), packages(['prom-client'])] },
  // W8: front -> forward -> tunnels -> the seams' interfaces -> shared.
  { files: ['bastion/forward/**'], bans: [...bastion, ...below(['front', ...FACES])] },
  { files: ['bastion/tunnels/**'], bans: [...bastion, ...below(['front', 'forward', ...FACES])] },
  ...seam('routes', []),
  // Who is asking also depends on what was decided earlier: on the store's interface.
  ...seam('auth', ['jose', 'openid-client', 'undici'], ['store']),
  ...seam('tls', []),
  ...seam('store', []),
  {
    files: [
      'bastion/front/hostname.ts',
      'bastion/front/client-hello.ts',
      'bastion/forward/headers.ts',
      'bastion/forward/http2-request.ts',
      'bastion/forward/response.ts',
      'bastion/forward/response-head.ts',
      'bastion/tunnels/link-choice.ts',
      'bastion/tunnels/registration.ts',
    ],
    bans: [...bastion, implementations(), NO_IO, packages()],
    pure: true,
  },

  { files: ['agent/**'], bans: [...agent, implementations(), packages()] },
  { files: ['agent/metrics.ts'], bans: [...agent, implementations(), packages(['prom-client'])] },
  { files: ['agent/upstreams/target.ts'], bans: [...agent, implementations(), NO_IO, packages()], pure: true },

  { files: ['certs/**'], bans: [...certs, NO_PROCESS, packages()] },
  { files: ['certs/der.ts'], bans: [...certs, NO_PROCESS, packages(['node-forge'])] },

  // The composition roots choose implementations; main.ts files know the process besides.
  { files: ROOTS_OF_COMPOSITION.filter((file) => file.startsWith('bastion')), bans: [...bastion, packages()] },
  { files: ROOTS_OF_COMPOSITION.filter((file) => file.startsWith('agent')), bans: [...agent, packages()] },
  { files: ['bastion/main.ts'], bans: [bastion[0] as Ban, RELATIVE, packages()], process: true },
  { files: ['agent/main.ts'], bans: [agent[0] as Ban, RELATIVE, packages()], process: true },
  { files: ['certs/main.ts'], bans: [...certs, packages()], process: true },
];

function door(file: string, allowed: readonly string[]): Room[] {
  const bans = [shared[0] as Ban, RELATIVE, folders('W3', ['wire', 'mux', 'link', 'net']), packages(allowed)];
  return [{ files: [file], bans, process: true }];
}

function below(floors: readonly string[]): Ban[] {
  return [folders('W8', floors), implementations(), packages()];
}

/** A seam's folder, and in it the implementations, which besides must not know each other. */
function seam(name: string, allowed: readonly string[], seams: readonly string[] = []): Room[] {
  const names = IMPLEMENTATIONS[`bastion/${name}`] ?? [];
  const others = ['front', 'forward', 'tunnels', 'routes', 'auth', 'tls', 'store', ...FACES];
  const forbidden = others.filter((other) => other !== name && !seams.includes(other));
  const bans = [...bastion, folders('W8', forbidden), implementations(), packages(allowed)];
  return [{ files: [`bastion/${name}/**`], bans: [...bans, siblings(names)] }];
}

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'console'];

function overrideOf(room: Room): object {
  const globals = [
    ...(room.process === true ? [] : [{ name: 'process', message: NO_PROCESS.message }]),
    ...(room.pure === true ? TIMERS.map((name) => ({ name, message: NO_IO.message })) : []),
  ];
  return {
    files: room.files,
    rules: {
      'no-restricted-imports': ['error', { patterns: room.bans }],
      'no-restricted-globals': ['error', ...globals],
      'no-restricted-properties': [
        'error',
        ...(room.process === true ? [] : [{ object: 'globalThis', property: 'process', message: NO_PROCESS.message }]),
      ],
    },
  };
}

/** The text of .oxlintrc.json. */
export function oxlintConfiguration(): string {
  const configuration = {
    $schema: './node_modules/oxlint/configuration_schema.json',
    plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'node', 'promise'],
    categories: { correctness: 'error', suspicious: 'error' },
    options: { typeAware: true, denyWarnings: true },
    ignorePatterns: ['dist', 'docs', 'node_modules'],
    rules: {
      'import/no-cycle': 'error',
      // node:test collects what test() and its kin return by itself.
      'typescript/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after'] },
          ],
        },
      ],
      'typescript/no-misused-promises': 'error',
      'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'typescript/no-explicit-any': 'error',
      'typescript/only-throw-error': 'error',
      'typescript/consistent-type-imports': 'error',
      'max-lines-per-function': ['error', { max: 45, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', { max: 4 }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      // A switch counts once: its cases are a table.
      complexity: ['error', { max: 12, variant: 'modified' }],
      // The compiler's noImplicitReturns and casts after a check are enough.
      'typescript/consistent-return': 'off',
      'typescript/no-unsafe-type-assertion': 'off',
      'promise/always-return': 'off',
      // Copies are made on purpose where the original changes meanwhile.
      'unicorn/no-useless-spread': 'off',
      'unicorn/consistent-function-scoping': 'off',
      // Functions here are closures, not methods that need their `this`.
      'typescript/unbound-method': 'off',
      'import/no-named-as-default-member': 'off',
      'import/no-named-as-default': 'off',
      // prom-client registers what is constructed.
      'no-new': 'off',
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
    overrides: [
      // One table, a row per line.
      { files: ['shared/errors.ts'], rules: { 'max-lines': 'off' } },
      ...ROOMS.map(overrideOf),
      {
        files: [...PRODUCT.map((name) => `${name}/**/*.test.ts`), ...OUTSIDE.map((name) => `${name}/**`)],
        rules: {
          'no-restricted-imports': ['error', { patterns: [RELATIVE] }],
          'max-lines-per-function': 'off',
          'max-lines': 'off',
          'no-unmodified-loop-condition': 'off',
        },
      },
    ],
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}
