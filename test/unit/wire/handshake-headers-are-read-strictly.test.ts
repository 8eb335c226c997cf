// The headers of registering: what is written is read again, and each field that is wrong is named.

import assert from 'node:assert/strict';
import test from 'node:test';

import { aged } from '../../../shared/wire/job.ts';
import {
  decodeAcceptance,
  decodeInfo,
  decodeRegistration,
  decodeResumption,
  encodeHeader,
  type Acceptance,
  type Info,
  type Registration,
  type Resumption,
} from '../../../shared/wire/handshake.ts';

const limits = { credit: 65_536, streams: 100, message: 65_536 };
const registration: Registration = {
  agent: 'postern-agent/0.1.0',
  instance: '0123456789abcdef0123456789abcdef',
  slot: 0,
  names: ['alice'],
  access: 'private',
  policy: { kind: 'invited', people: ['bob'], groups: ['physics'] },
  services: [
    { name: 'web', authorization: 'token s3cret' },
    { name: 'dask' },
    { name: 'scheduler', kind: 'tcp', access: 'public' },
  ],
  ports: [
    [8787, 8787],
    [6000, 6010],
  ],
  links: ['ab'.repeat(32)],
  features: ['resume'],
  limits,
  tls: { certificate: 'issued', visitors: 'certified' },
};
const acceptance: Acceptance = {
  bastion: 'postern-bastion/0.1.0',
  session: 'f'.repeat(32),
  resumeKey: 'k'.repeat(43),
  resumeMs: 0,
  urls: { alice: 'https://alice.notebooks.example.org' },
  serviceUrl: 'https://{name}--{service}.notebooks.example.org',
  expiresAt: 1_800_000_000_000,
  features: [],
  limits,
};
const resumption: Resumption = { session: 'f'.repeat(32), attempt: 3, received: 2 ** 48, proof: 'p'.repeat(43) };

const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('what is written into a header is what is read from it', () => {
  assert.deepEqual(decodeRegistration(encodeHeader(registration)), registration);
  assert.deepEqual(decodeAcceptance(encodeHeader(acceptance)), acceptance);
  assert.deepEqual(decodeResumption(encodeHeader(resumption)), resumption);
});

test('a job is read with what is known of it', () => {
  const job = {
    scheduler: 'slurm',
    id: '4711',
    owner: 'alice',
    node: 'wn-17',
    remainingMs: 0,
    idleTimeoutMs: 5,
    notice: true,
  };
  assert.deepEqual(decodeRegistration(json({ ...registration, job: { ...job, news: 1 } })).job, job);
  assert.deepEqual(decodeRegistration(json({ ...registration, job: { scheduler: 'none' } })).job, {
    scheduler: 'none',
  });
});

test('paths that are no use are read', () => {
  assert.deepEqual(decodeRegistration(json({ ...registration, quiet: ['/lab/api/'] })).quiet, ['/lab/api/']);
});

test('fields of a newer release are passed over', () => {
  assert.deepEqual(decodeRegistration(json({ ...registration, news: [1] })), registration);
});

test('each field of a registration that is wrong is named', () => {
  const wrong: Record<keyof Registration, readonly unknown[]> = {
    agent: [undefined, '', 7, 'x'.repeat(101), 'a\r\nb', 'ä'],
    instance: ['', 'ABCDEF', 'g'.repeat(32), 'a'.repeat(31)],
    slot: [-1, 16, 0.5, '0', null],
    names: ['alice', [''], [7], Array.from({ length: 17 }, () => 'a')],
    access: ['open', undefined],
    policy: [
      'public',
      { kind: 'open', people: [], groups: [] },
      { kind: 'private', people: ['bob'], groups: [] },
      { kind: 'invited', people: [], groups: [] },
      { kind: 'invited', people: ['a b'], groups: [] },
      { kind: 'invited', people: ['a\nb'], groups: [] },
      { kind: 'invited', people: Array.from({ length: 101 }, () => 'a'), groups: [] },
      { kind: 'invited', people: ['bob'] },
    ],
    services: [
      [{}],
      [{ name: 'A' }],
      [{ name: '-a' }],
      ['web'],
      [{ name: '8787' }],
      [{ name: 'web', kind: 'udp' }],
      [{ name: 'web', access: 'private' }],
      [{ name: 'postern' }],
      [{ name: 'web', authorization: 'a\nb' }],
    ],
    ports: [
      8787,
      [8787],
      [[8787]],
      [[0, 1]],
      [[2, 1]],
      [[1, 65_536]],
      [[1, 2, 3]],
      [['1', '2']],
      Array.from({ length: 33 }, () => [1, 1]),
    ],
    links: [['ab'], ['AB'.repeat(32)], 'ab'],
    features: [[''], ['x'.repeat(41)]],
    quiet: ['/', [''], ['lab'], [7], ['/ä'], Array.from({ length: 17 }, () => '/')],
    job: [
      'slurm',
      {},
      { scheduler: '' },
      { scheduler: 'slurm', id: 7 },
      { scheduler: 'slurm', owner: 'a\nb' },
      { scheduler: 'slurm', node: 'x'.repeat(256) },
      { scheduler: 'slurm', remainingMs: -1 },
      { scheduler: 'slurm', notice: 'yes' },
    ],
    tls: [null, 'end-to-end', {}, { certificate: 'issued' }, { certificate: 'own', visitors: 'nobody' }],
    limits: [undefined, {}, { ...limits, credit: 0 }, { ...limits, message: 16_319 }, { ...limits, streams: 2 ** 21 }],
  };
  for (const [field, values] of Object.entries(wrong))
    for (const value of values) {
      const header = json({ ...registration, [field]: value });
      assert.throws(
        () => decodeRegistration(header),
        { code: 'registration-malformed' },
        `${field}: ${JSON.stringify(value)}`,
      );
    }
});

test('a header that is no JSON object, or too long, is malformed', () => {
  for (const header of ['', '%%%', json([]), json(null), json('text'), 'A'.repeat(8193)])
    for (const decode of [decodeRegistration, decodeAcceptance, decodeResumption])
      assert.throws(() => decode(header), { code: 'registration-malformed' });
});

test('counts in a resumption are whole and not negative', () => {
  for (const field of ['attempt', 'received'])
    for (const value of [-1, 0.5, 2 ** 53, '1', null])
      assert.throws(() => decodeResumption(json({ ...resumption, [field]: value })), {
        code: 'registration-malformed',
      });
});

test('INFO carries what both ends know, and unknown types are passed over', () => {
  const infos: Info[] = [
    { type: 'links', hashes: ['cd'.repeat(32)] },
    { type: 'link-spent', hash: 'cd'.repeat(32), from: '192.0.2.7' },
    { type: 'readiness', service: 'web', ready: true },
    { type: 'credential', credential: 'a.b.c' },
    { type: 'credential-judged', expiresAt: 1_800_000_000_000 },
    { type: 'credential-judged', expiresAt: 1_800_000_000_000, code: 'credential-expired' },
    { type: 'readiness', service: 'web', ready: false, exit: 137 },
    { type: 'links', hashes: [], serial: 0 },
    { type: 'readiness', service: 'web', ready: true, serial: 2 ** 53 - 1 },
    { type: 'job', state: 'running', remainingMs: 3_600_000 },
    { type: 'job', state: 'preempted', reason: 'it got SIGTERM' },
    { type: 'idle', idleMs: 0 },
    { type: 'idle', idleMs: 60_000, stopMs: 1_740_000 },
    { type: 'activity', connections: 2, requestMs: 0, changeMs: 4000, sentMs: 12, receivedMs: 7 },
    { type: 'keep', from: '192.0.2.7' },
    { type: 'certificate-request', request: 1, key: 'A'.repeat(122), proof: 'B' },
    { type: 'certificate', request: 1, chain: ['MIIB', 'MIIC'] },
    { type: 'certificate', request: 1, code: 'certificate-refused' },
  ];
  for (const info of infos) assert.deepEqual(decodeInfo(Buffer.from(JSON.stringify(info))), info);
  assert.equal(decodeInfo(Buffer.from('{"type":"weather"}')), undefined);
  assert.equal(decodeInfo(Buffer.from('{}')), undefined);
});

test('INFO that cannot be read is a protocol error', () => {
  const wrong = ['', 'x', '[]', 'null', '{"type":"links"}', '{"type":"links","hashes":["x"]}', '{"type":"link-spent"}'];
  wrong.push('{"type":"job","state":"lost"}', '{"type":"idle"}', '{"type":"idle","idleMs":-1}', '{"type":"keep"}');
  wrong.push('{"type":"activity"}', '{"type":"activity","connections":0,"sentMs":0.5}');
  for (const text of [
    ...wrong,
    '{"type":"readiness","service":"web","exit":256}',
    '{"type":"credential"}',
    '{"type":"credential","credential":"a\\u0000b"}',
    `{"type":"credential","credential":"${'x'.repeat(8193)}"}`,
    '{"type":"credential-judged"}',
    '{"type":"credential-judged","expiresAt":1,"code":7}',
    '{"type":"links","hashes":[],"serial":-1}',
    '{"type":"certificate-request","request":1,"key":"A"}',
    '{"type":"certificate-request","request":-1,"key":"A","proof":"B"}',
    `{"type":"certificate-request","request":1,"key":"${'A'.repeat(123)}","proof":"B"}`,
    '{"type":"certificate","request":1}',
    '{"type":"certificate","request":1,"chain":[7]}',
  ])
    assert.throws(() => decodeInfo(Buffer.from(text)), { code: 'protocol-error' }, text);
});

test('news of a job that is told again later has its spans moved on', () => {
  assert.deepEqual(aged({ type: 'job', state: 'running', remainingMs: 5000 }, 2000.4), {
    ...{ type: 'job', state: 'running' },
    remainingMs: 3000,
  });
  assert.deepEqual(aged({ type: 'job', state: 'ending', remainingMs: 1 }, 2000), {
    ...{ type: 'job', state: 'ending' },
    remainingMs: 0,
  });
  assert.deepEqual(aged({ type: 'job', state: 'running' }, 2000), { type: 'job', state: 'running' });
  assert.deepEqual(aged({ type: 'idle', idleMs: 0 }, 2000), { type: 'idle', idleMs: 0 }, 'in use until further notice');
  assert.deepEqual(aged({ type: 'idle', idleMs: 1000, stopMs: 9000 }, 2000), {
    type: 'idle',
    idleMs: 3000,
    stopMs: 7000,
  });
});
