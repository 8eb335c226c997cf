// How the bench speaks to its own processes in other namespaces: a JSON value to a unix socket, a JSON value back.

import { once } from 'node:events';
import { createServer, connect } from 'node:net';

/** Answers every line on the socket with what `answer` makes of it; a failure is answered as `{ "error": ... }`. */
export async function control(socketPath: string, answer: (asked: never) => unknown): Promise<void> {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      const asked = JSON.parse(text) as never;
      text = '';
      socket.end(`${JSON.stringify(attempt(() => answer(asked)))}\n`);
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
}

function attempt(what: () => unknown): unknown {
  try {
    return what() ?? {};
  } catch (error) {
    return { error: String(error) };
  }
}

/** One question; rejects when the process is gone or could not do it. */
export async function tell<Answer = unknown>(socketPath: string, asked: unknown): Promise<Answer> {
  const socket = connect(socketPath);
  socket.setEncoding('utf8');
  socket.write(`${JSON.stringify(asked)}\n`);
  let text = '';
  for await (const chunk of socket) text += chunk as string;
  const value = JSON.parse(text) as Answer & { error?: string };
  if (value.error !== undefined) throw new Error(value.error);
  return value;
}
