// --service and --allow-port: what they may say, and that nothing else is ever dialled.

import assert from 'node:assert/strict';
import test from 'node:test';

import {
  openServices,
  parsePorts,
  parseService,
  serviceProblems,
  serviceUrls,
  type ServiceValues,
} from '../../../agent/services.ts';
import type { Upstream } from '../../../agent/upstreams/upstream.ts';

const NONE: ServiceValues = {
  name: 'alice',
  service: [],
  allowPort: [],
  allowForeignUpstream: false,
  publicService: [],
  access: 'private',
};
const INVALID = { code: 'options-invalid' };

function fakeUpstreams() {
  const made: string[] = [];
  const upstream = (label: string): Upstream => {
    made.push(label);
    return { label, dial: () => Promise.reject(new Error('not here')) };
  };
  return {
    made,
    ofTarget: (target: { kind: string }) => upstream(target.kind),
    ofPort: (port: number) => upstream(`port ${port}`),
  };
}

test('a service is a label and a target', () => {
  const { name, target } = parseService('tensor-board=http://127.0.0.1:6006');
  assert.deepEqual([name, target.kind], ['tensor-board', 'tcp']);
  assert.equal(parseService('rstudio=unix:/run/a=b').target.kind, 'unix');
  assert.equal(parseService('x=https://127.0.0.1:1').target.kind, 'tls');
  for (const wrong of [
    '',
    'x',
    '=http://127.0.0.1:1',
    'X=unix:/x',
    'a--b=unix:/x',
    '-a=unix:/x',
    'x=ftp://y',
    'x=unix:y',
  ])
    assert.throws(() => parseService(wrong), INVALID, wrong);
  for (const taken of ['web=unix:/x', '8787=unix:/x']) assert.throws(() => parseService(taken), INVALID, taken);
});

test('ports are numbers and ranges', () => {
  assert.deepEqual(parsePorts('8787'), [8787, 8787]);
  assert.deepEqual(parsePorts('6000-6010'), [6000, 6010]);
  for (const wrong of ['', '0', '08787', '65536', '6010-6000', '1-', '-1', '1-2-3', 'http', ' 1'])
    assert.throws(() => parsePorts(wrong), INVALID, wrong);
});

test('only what is listed is found, and an upstream is made once', () => {
  const upstreams = fakeUpstreams();
  const values = { ...NONE, service: ['tb=http://127.0.0.1:6006'], allowPort: ['8787', '6000-6010'] };
  const services = openServices(values, upstreams);
  assert.deepEqual(services.offers, [{ name: 'tb' }]);
  assert.deepEqual(services.ports, [
    [8787, 8787],
    [6000, 6010],
  ]);
  for (const name of ['tb', '8787', '6000', '6010', '6010']) assert.equal(services.get(name)?.name, name);
  for (const name of ['web', '8786', '8788', '5999', '6011', '08787', '8787 ', '+8787', '8787.0', '1e3', 'x', ''])
    assert.equal(services.get(name), undefined, name);
  assert.deepEqual(upstreams.made, ['tcp', 'port 8787', 'port 6000', 'port 6010']);
});

test('what does not fit together is said', () => {
  const problems = (change: Partial<ServiceValues>): string => serviceProblems({ ...NONE, ...change }).join('\n');
  assert.equal(problems({ service: ['a=unix:/a'], allowPort: ['1'] }), '');
  assert.match(problems({ service: ['a=unix:/a', 'a=unix:/b'] }), /one name twice/);
  assert.match(problems({ service: ['a=http://10.0.0.1:80'] }), /--allow-foreign-upstream/);
  assert.equal(problems({ service: ['a=http://10.0.0.1:80'], allowForeignUpstream: true }), '');
  assert.match(problems({ name: 'n'.repeat(49), service: [`${'s'.repeat(13)}=unix:/a`] }), /63 characters/);
  assert.equal(problems({ name: 'n'.repeat(49), service: [`${'s'.repeat(12)}=unix:/a`], allowPort: ['1'] }), '');
  assert.match(problems({ allowPort: Array<string>(33).fill('1') }), /more than 32/);
  assert.match(problems({ service: Array.from({ length: 32 }, (_, n) => `s${n}=unix:/a`) }), /more than 31/);
});

test("the owner is told each address, from the bastion's template", () => {
  const values = { ...NONE, service: ['tb=http://127.0.0.1:6006'], allowPort: ['8787', '6000-6010'] };
  const services = openServices(values, fakeUpstreams());
  assert.deepEqual(serviceUrls('alice', services, 'https://{name}--{service}.n.example:8443/'), [
    { service: 'tb', url: 'https://alice--tb.n.example:8443/' },
    { service: 'port 8787', url: 'https://alice--8787.n.example:8443/' },
    { service: 'ports 6000-6010', url: 'https://alice--PORT.n.example:8443/' },
  ]);
});
