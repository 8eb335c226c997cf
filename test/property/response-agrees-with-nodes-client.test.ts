// On valid responses the reader says what Node's own client says of the same bytes.

import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';

import { responseBytes, type ResponseBytes } from '../support/response-bytes.ts';
import { readWhole } from '../support/read-response.ts';

let server: Server;
let current: ResponseBytes;

before(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(current.bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

after(() => server.close());

function byNode(sample: ResponseBytes): Promise<unknown> {
  current = sample;
  const interim: number[] = [];
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const asked = request({ port, host: '127.0.0.1', method: sample.method, agent: false });
    asked.on('information', (information) => interim.push(information.statusCode));
    asked.on('continue', () => {});
    asked.on('error', reject);
    asked.on('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status, statusMessage: message, rawHeaders, rawTrailers: trailers } = response;
        resolve({ interim, status, message, rawHeaders, body, trailers });
      });
    });
    asked.end();
  });
}

test('status, fields, body, trailers and interim responses are those that http.request reads', async () => {
  await fc.assert(
    fc.asyncProperty(responseBytes(), async (sample) => {
      const expected = await byNode(sample);
      const { interim, status, message, rawHeaders, body, trailers } = readWhole([sample.bytes], { ...sample });
      assert.deepEqual({ interim, status, message, rawHeaders, body, trailers }, expected);
    }),
    { numRuns: 250 },
  );
});
