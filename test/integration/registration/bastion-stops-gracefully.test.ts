// A stop that was asked for: not ready, agents are told, what runs may finish, and then everything is gone.

import assert from 'node:assert/strict';
import { get } from 'node:http';
import test from 'node:test';

import type { Stream } from '../../../shared/mux/stream.ts';
import { DOMAIN, bastionWorld, eventually } from '../../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;

function admin(port: number | undefined, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

test('a running exchange finishes, new agents are refused, and the port is free afterwards', async (t) => {
  const world = await bastionWorld(t);
  const held: Stream[] = [];
  const token = await world.token();
  const agent = await world.agent(token, { access: 'public' }, (stream) => {
    stream.resume();
    stream.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
    held.push(stream);
  });
  const answer = world.visit(HOST, '/slow');
  await eventually(() => held.length === 1, 'the request reaches the notebook');
  assert.equal((await admin(world.bastion.adminPort, '/readyz')).status, 200);

  const closed = world.bastion.close();
  await eventually(() => agent.goAways.length === 1, 'the agent is told');
  assert.equal(agent.goAways[0]?.code, 'draining');
  assert.equal((await admin(world.bastion.adminPort, '/readyz')).status, 503);
  await assert.rejects(world.agent(token), (error: { code: string }) =>
    ['draining', 'bastion-unreachable'].includes(error.code),
  );

  held[0]?.write('done');
  assert.equal((await answer).body, 'halfdone');
  await closed;
  await assert.rejects(world.visit(HOST, '/'), { code: 'ECONNREFUSED' });
  await assert.rejects(admin(world.bastion.adminPort, '/readyz'), { code: 'ECONNREFUSED' });
});

test('what does not finish within the drain timeout is cut, visibly', async (t) => {
  const world = await bastionWorld(t, { drainTimeoutMs: 200 });
  const agent = await world.agent(await world.token(), { access: 'public' }, (stream) => {
    stream.resume();
    stream.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
  });
  const answer = world.visit(HOST, '/endless');
  await eventually(() => agent.streams.length === 1, 'the request reaches the notebook');
  const closing = world.bastion.close();
  await assert.rejects(answer);
  await closing;
  assert.ok(await agent.session.closed);
});

test('the metrics count tunnels, handshakes, streams, bytes and exchanges', async (t) => {
  const world = await bastionWorld(t);
  await world.agent(await world.token(), { access: 'public' }, (stream) => {
    stream.resume();
    stream.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await world.agent('garbage').catch(() => {});
  assert.equal((await world.visit(HOST, '/')).body, 'ok');
  await world.visit(`nobody.${DOMAIN}`, '/');
  const { body } = await admin(world.bastion.adminPort, '/metrics');
  const value = (line: string): number =>
    Number(
      body
        .split('\n')
        .find((text) => text.startsWith(`${line} `))
        ?.split(' ')[1],
    );
  assert.equal(value('postern_tunnels{state="serving"}'), 1);
  assert.equal(value('postern_handshakes_total{result="accepted"}'), 1);
  assert.equal(value('postern_handshakes_total{result="credential-invalid"}'), 1);
  assert.equal(value('postern_streams_opened_total'), 1);
  assert.ok(value('postern_bytes_total{direction="in"}') > 0);
  assert.ok(value('postern_bytes_total{direction="out"}') > 0);
  assert.equal(value('postern_requests_total{status="200",kind="request"}'), 1);
  assert.equal(value('postern_exchange_failures_total{code="name-unknown"}'), 1);
  assert.equal(value('postern_exchange_duration_seconds_count'), 2);
  assert.ok(value('postern_flight_cap_bytes{quantile="0.5"}') >= 65_536);
  assert.ok(value('postern_certificate_expiry_timestamp_seconds') > Date.now() / 1000);
  for (const gauge of ['tunnels_paused', 'upgrades_active', 'pauses_total', 'resumptions_total'])
    assert.equal(value(`postern_${gauge}`), 0, gauge);
  for (const direction of ['in', 'out']) assert.equal(value(`postern_streams_stalled{direction="${direction}"}`), 0);
  assert.ok(value('process_resident_memory_bytes') > 0);
  assert.match(body, /^nodejs_eventloop_lag_p99_seconds /m);
});
