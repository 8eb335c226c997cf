// A notebook that closes its kept-alive connection at any moment is retried where that is safe, and told of where not.

import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { test } from 'node:test';
import type { Socket } from 'node:net';

import { frontWorld, type Received } from '../../support/front-world.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

interface Point {
  readonly when: string;
  /** What the upstream does with the second request on its first connection. */
  readonly close: (socket: Socket) => void;
  readonly answer: 'same' | 'refused' | 'cut';
}

const POINTS: Point[] = [
  { when: 'with the request, by FIN', close: (socket) => socket.end(), answer: 'same' },
  { when: 'with the request, by RST', close: (socket) => socket.resetAndDestroy(), answer: 'same' },
  { when: 'in the middle of the head', close: (socket) => socket.end(ANSWER.slice(0, 20)), answer: 'refused' },
  { when: 'behind the head', close: (socket) => socket.end(ANSWER.slice(0, -5)), answer: 'cut' },
  { when: 'in the middle of the body', close: (socket) => socket.end(ANSWER.slice(0, -2)), answer: 'cut' },
  { when: 'behind the answer, by FIN', close: (socket) => socket.end(ANSWER), answer: 'same' },
  {
    when: 'in the middle of a chunk',
    close: (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'),
    answer: 'cut',
  },
  {
    when: 'before the last chunk',
    close: (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    answer: 'cut',
  },
];

async function outcome(
  point: Point,
  method: string,
): Promise<{ result: string; status?: number; connections: number }> {
  let connections = 0;
  const world = await frontWorld({
    raw: (socket) => {
      connections += 1;
      let requests = 0;
      const closes = connections === 1;
      socket.on('data', () => {
        requests += 1;
        if (closes && requests === 2) point.close(socket);
        else socket.write(ANSWER);
      });
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    assert.equal((await world.fetch('/', { agent, method })).body, 'hello');
    const second = await world.fetch('/', { agent, method }).catch((error: Error) => error);
    const result = second instanceof Error ? 'cut' : answerKind(second);
    return { result, connections, ...(second instanceof Error ? {} : { status: second.status }) };
  } finally {
    agent.destroy();
    await world.close();
  }
}

function answerKind(received: Received): string {
  if (received.headers['postern-code'] !== undefined) return 'refused';
  return received.body === 'hello' ? 'same' : `other: ${received.body}`;
}

for (const point of POINTS) {
  test(`closed ${point.when}: GET`, async () => {
    assert.equal((await outcome(point, 'GET')).result, point.answer);
  });
}

test('closed with the request: what must not be repeated is refused with 502, not sent twice', async () => {
  for (const point of POINTS.slice(0, 2)) {
    const { result, status, connections } = await outcome(point, 'POST');
    assert.deepEqual([result, status, connections], ['refused', 502, 1], point.when);
  }
});

test('an upstream that closes every connection without a word is asked once per request, not for ever', async () => {
  let connections = 0;
  const world = await frontWorld({
    raw: (socket) => {
      connections += 1;
      socket.once('data', () => socket.end());
    },
  });
  const { status, headers } = await world.fetch('/');
  assert.deepEqual([status, headers['postern-code'], connections], [502, 'upstream-closed', 1]);
  await world.close();
});
