// The listening socket that whoever started us has opened already, told in systemd's way (sd_listen_fds(3)).

import { PosternError } from '../errors.ts';

/** Descriptors are passed on from this number on. */
const FIRST_DESCRIPTOR = 3;

/**
 * The descriptor of the inherited socket, or undefined when none was meant for this process: variables that an ancestor
 * was given, and that were passed on by mistake, name its process. Throws `options-invalid` for more sockets than one.
 */
export function inheritedSocket(
  env: Readonly<Record<string, string | undefined>>,
  processId: number,
): number | undefined {
  const { LISTEN_PID: target, LISTEN_FDS: count } = env;
  if (count === undefined || target !== String(processId)) return undefined;
  if (count !== '1') throw new PosternError('options-invalid', `LISTEN_FDS is ${count}: one socket is expected`);
  return FIRST_DESCRIPTOR;
}
