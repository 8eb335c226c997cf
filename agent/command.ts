// What `run` makes of the command after `--`: where it will listen, what a Jupyter needs besides, and how it knows its own token; pure.

import { PosternError } from '../shared/errors.ts';

/** What a command has to be told: a port on loopback, or a unix socket of its own. */
export type Listening = 'port' | 'socket';

export interface Placement {
  readonly listening: Listening;
  /** The port's number or the socket's path. */
  readonly value: string;
}

export interface PreparedCommand {
  readonly words: readonly string[];
  /** Goes on top of the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly jupyter: boolean;
  /** Where a Jupyter's URLs begin. */
  readonly base: string;
  /** The token that the command accepts; undefined when it was told not to ask for any. */
  readonly token: string | undefined;
}

export interface PrepareInput {
  readonly words: readonly string[];
  readonly placement: Placement;
  /** Fresh and random; used unless the command was given one of its own. */
  readonly token: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const JUPYTER_SCRIPT = /(?:^|\/)jupyter-(?:lab|notebook|server)(?:\.exe)?$/;
const JUPYTER_MODULE = /^(?:jupyterlab|notebook|jupyter_server|jupyter)$/;
const JUPYTER_TOKEN_FLAG = /^--(?:ServerApp|NotebookApp|IdentityProvider)\.token(?:=(.*))?$/;
const JUPYTER_BASE_FLAG = /^--(?:ServerApp|NotebookApp)\.base_url(?:=(.*))?$/;
/** Where a Jupyter listens, if the person has said so already. */
const JUPYTER_PLACE_FLAG = /^--(?:port|ip|sock|(?:ServerApp|NotebookApp)\.(?:port|ip|sock))(?:=|$)/;

/**
 * True when the words start a Jupyter server, also from within a wrapper (`apptainer exec IMAGE jupyter lab`,
 * `python -m jupyterlab`). A shell's `-c "..."` is one word and stays unrecognised.
 */
export function isJupyter(words: readonly string[]): boolean {
  return words.some((word, index) => {
    const next = words[index + 1] ?? '';
    if (JUPYTER_SCRIPT.test(word)) return true;
    if (/(?:^|\/)jupyter$/.test(word)) return /^(?:lab|notebook|server)$/.test(next);
    return word === '-m' && JUPYTER_MODULE.test(next) && /python[\d.]*$/.test(words[index - 1] ?? '');
  });
}

/** Where the command is going to listen; throws `options-invalid` when it doesn't say. */
export function listeningOf(words: readonly string[]): Listening {
  const port = words.some((word) => word.includes('{port}'));
  const socket = words.some((word) => word.includes('{socket}'));
  if (port && socket)
    throw new PosternError('options-invalid', 'the command has both {port} and {socket}: it can listen on one only');
  if (port) return 'port';
  if (socket) return 'socket';
  if (isJupyter(words) && !words.some((word) => JUPYTER_PLACE_FLAG.test(word))) return 'socket';
  throw new PosternError(
    'options-invalid',
    'the command has to say where it listens: write {socket} (a private unix socket) or {port} (a free port) into it',
  );
}

/** The command as it is started. */
export function prepareCommand(input: PrepareInput): PreparedCommand {
  const { placement, env } = input;
  const placed = input.words.map((word) => word.replaceAll(`{${placement.listening}}`, placement.value));
  if (!isJupyter(input.words))
    return {
      words: placed,
      env: { POSTERN_UPSTREAM_TOKEN: input.token },
      jupyter: false,
      base: '/',
      token: input.token,
    };
  const words = [...placed, ...jupyterFlags(input.words, placement)];
  const given = flagValue(input.words, JUPYTER_TOKEN_FLAG);
  const common = { words, jupyter: true, base: baseOf(flagValue(input.words, JUPYTER_BASE_FLAG) ?? '') };
  if (given !== undefined) return { ...common, env: {}, token: given === '' ? undefined : given };
  const token = env['JUPYTER_TOKEN'] || input.token;
  return { ...common, env: { JUPYTER_TOKEN: token }, token };
}

/** Behind the bastion the Host header is the bastion's, which a Jupyter on loopback refuses unless told otherwise. */
function jupyterFlags(words: readonly string[], placement: Placement): string[] {
  const given = (pattern: RegExp): boolean => words.some((word) => pattern.test(word));
  return [
    ...(given(/\{(?:port|socket)\}/) ? [] : [`--ServerApp.sock=${placement.value}`]),
    ...(given(/\.allow_remote_access(?:=|$)/) ? [] : ['--ServerApp.allow_remote_access=True']),
    ...(given(/^--no-browser$|\.open_browser(?:=|$)/) ? [] : ['--no-browser']),
  ];
}

/** What a flag of the command line says, without quotes around it; empty means that the person switched something off. */
function flagValue(words: readonly string[], flag: RegExp): string | undefined {
  for (const [index, word] of words.entries()) {
    const match = flag.exec(word);
    if (match !== null) return (match[1] ?? words[index + 1] ?? '').replace(/^(['"])(.*)\1$/, '$2');
  }
  return undefined;
}

/** With a slash at both ends, whatever was written. */
function baseOf(written: string): string {
  const inner = written.replace(/^\/+|\/+$/g, '');
  return inner === '' ? '/' : `/${inner}/`;
}
