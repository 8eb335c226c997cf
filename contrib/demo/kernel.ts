// A Jupyter kernel as a visitor uses it: started over REST, spoken to over a WebSocket in Jupyter's messaging protocol 5.

import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Visitor } from './visitor.ts';

interface KernelMessage {
  readonly header: { readonly msg_type: string };
  readonly parent_header: { readonly msg_id?: string };
  readonly content: Record<string, unknown>;
}

const JSON_BODY = { 'content-type': 'application/json' };

/** Starts a kernel; answers its id. */
export async function startKernel(visitor: Visitor): Promise<string> {
  const kernel = await visitor.json('/api/kernels', { method: 'POST', headers: JSON_BODY, body: '{}' });
  return String(kernel['id']);
}

export async function stopKernel(visitor: Visitor, id: string): Promise<void> {
  await visitor.json(`/api/kernels/${id}`, { method: 'DELETE' });
}

export function connectKernel(visitor: Visitor, id: string): Promise<WebSocket> {
  return visitor.webSocket(`/api/kernels/${id}/channels?session_id=${randomUUID()}`);
}

/** Executes code and answers the text of its result; rejects on an error of the code's, a closed socket, or after `timeoutMs`. */
export async function execute(socket: WebSocket, code: string, timeoutMs: number): Promise<string> {
  const id = randomUUID();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onMessage = (data: Buffer): void => {
    const message = JSON.parse(data.toString('utf8')) as KernelMessage;
    if (message.parent_header.msg_id !== id) return;
    if (message.header.msg_type === 'execute_result') resolve(resultText(message.content));
    if (message.header.msg_type === 'error')
      reject(new Error(`the kernel answered ${String(message.content['evalue'])}`));
  };
  const onClose = (closeCode: number): void => reject(new Error(`the kernel's WebSocket closed (${closeCode})`));
  const timer = setTimeout(
    () => reject(new Error(`the kernel did not answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  socket.on('message', onMessage).on('close', onClose);
  try {
    socket.send(JSON.stringify(executeRequest(id, code)));
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.off('message', onMessage).off('close', onClose);
  }
}

function resultText(content: Record<string, unknown>): string {
  return String((content['data'] as Record<string, unknown> | undefined)?.['text/plain']);
}

function executeRequest(id: string, code: string): object {
  return {
    channel: 'shell',
    header: {
      msg_id: id,
      msg_type: 'execute_request',
      username: 'visitor',
      session: randomUUID(),
      date: new Date().toISOString(),
      version: '5.3',
    },
    parent_header: {},
    metadata: {},
    content: {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    },
    buffers: [],
  };
}
