// The bastion's command line: what makes sense is read, what does not is refused, all problems at once.

import assert from 'node:assert/strict';
import test from 'node:test';

import { BASTION_PROGRAM } from '../../../bastion/options.ts';
import { OptionsProblem, parseOptions } from '../../../shared/program/options.ts';

const SERVE = 'serve --domain notebooks.example.org --state /s';

function parse(line: string, env: Record<string, string> = {}) {
  const readFile = (): string => {
    throw new Error('there is no file');
  };
  return parseOptions(BASTION_PROGRAM, { argv: line.split(' '), env, readFile });
}

function problems(line: string, env: Record<string, string> = {}): readonly string[] {
  try {
    parse(line, env);
    return [];
  } catch (error) {
    assert.ok(error instanceof OptionsProblem);
    return error.problems;
  }
}

test('serve needs a domain and a state directory, and has a default for everything else', () => {
  const parsed = parse(SERVE);
  assert.equal(parsed.command, 'serve');
  assert.equal(problems('serve').length, 2);
  assert.ok('listen' in parsed.values);
  assert.equal(parsed.values.listen, '0.0.0.0:443');
  assert.equal(parsed.values.drainTimeout, 30_000);
  assert.equal(parsed.values.streamCredit, 262_144);
});

const REFUSED: readonly [string, RegExp][] = [
  ['--listen 443', /listen.*HOST:PORT/],
  ['--listen [::1:443', /listen/],
  ['--listen fd:x', /listen/],
  ['--admin 127.0.0.1:99999', /admin/],
  ['--tls-cert a.pem', /tls-key/],
  ['--tls-key a.pem', /tls-cert/],
  ['--public-port 0', /public-port/],
  ['--visitor-session 1s', /visitor-session.*1m/],
  ['--proxy-protocol-from 10.0.0.0/33', /proxy-protocol-from.*network/],
  ['--trusted-proxy proxy.example.org', /trusted-proxy.*network/],
  ['--trusted-proxy-header x-real-ip', /trusted-proxy-header/],
  ['--upload-idle 0s', /upload-idle/],
  ['--redirect-listen 80', /redirect-listen.*HOST:PORT/],
  ['--certificate-lifetime 8d', /certificate-lifetime.*7d/],
  ['--hello-timeout 1m1s', /hello-timeout.*1m/],
  ['--hello-bytes 1KiB', /hello-bytes.*64KiB/],
  ['--streams 0', /streams/],
  ['--stream-credit 1KiB', /stream-credit.*16KiB/],
  ['--session-credit 1MiB --stream-credit 2MiB', /session-credit/],
  ['--stream-window 1KiB', /stream-window.*64KiB/],
  ['--stream-window 1MiB --stream-credit 2MiB', /stream-window/],
  ['--stream-rate 0', /stream-rate/],
  ['--stream-burst 0', /stream-burst/],
  ['--control-frames 10', /control-frames/],
  ['--links-per-tunnel 0', /links-per-tunnel/],
  ['--names-per-tunnel 17', /names-per-tunnel/],
  ['--tunnels-per-owner 0', /tunnels-per-owner/],
  ['--total-credit 1', /total-credit/],
  ['--message 1KiB', /message/],
  ['--handshakes 0', /handshakes/],
  ['--handshake-rate 0', /handshake-rate/],
  ['--handshake-burst 0', /handshake-burst/],
  ['--names-per-owner 0', /names-per-owner/],
  ['--credential-attempts 0', /credential-attempts/],
  ['--api-rate 0', /api-rate/],
  ['--link-attempts 0', /link-attempts/],
  ['--connections 0', /connections/],
  ['--header-bytes 1KiB', /header-bytes/],
  ['--header-timeout 1ms', /header-timeout/],
  ['--keep-alive 1ms', /keep-alive/],
  ['--h2-streams 0', /h2-streams/],
  ['--h2-window 1KiB', /h2-window/],
  ['--h2-memory 1KiB', /h2-memory/],
  ['--h2-resets 1', /h2-resets/],
  ['--h2-reset-rate 0', /h2-reset-rate/],
  ['--h2-controls 1', /h2-controls/],
  ['--h2-control-rate 0', /h2-control-rate/],
  ['--h2-invalid-frames 0', /h2-invalid-frames/],
  ['--drain-timeout soon', /drain-timeout/],
  ['--resume-grace 2h', /resume-grace.*1h/],
  ['--pause-patience 2h', /pause-patience.*1h/],
  ['--start-patience 1h', /start-patience.*10m/],
  ['--log-level loud', /log-level/],
  ['--log-format xml', /log-format/],
  ['--access-log=', /access-log/],
  ['--audit-log=', /audit-log/],
  ['--audit-rotate 1KiB', /audit-rotate.*4KiB/],
  ['--audit-keep -1', /audit-keep/],
  ['--issuers=', /issuers/],
];

for (const [line, expected] of REFUSED)
  test(`serve ${line} is refused`, () => {
    const found = problems(`${SERVE} ${line}`);
    assert.equal(found.length, 1, found.join('; '));
    assert.match(found[0] as string, expected);
  });

test('a domain that no certificate can be made for is refused', () => {
  for (const domain of ['localhost', '127.0.0.1', 'Notebooks.example.org', 'a..b'])
    assert.match(problems(`serve --state /s --domain ${domain}`).join(), /domain/);
});

test('a token needs an owner and a name, and holds twelve hours unless told otherwise', () => {
  const parsed = parse('token create --state /s --owner alice --name alice-* --name demo');
  assert.equal(parsed.command, 'token create');
  assert.deepEqual(
    { ...parsed.values },
    {
      state: '/s',
      auditLog: undefined,
      owner: 'alice',
      name: ['alice-*', 'demo'],
      use: 'agent',
      for: [],
      grant: [],
      maxTtl: 86_400_000,
      maxTunnels: undefined,
      maxServices: undefined,
      maxStreams: undefined,
      ttl: 43_200_000,
    },
  );
  assert.match(problems('token create --state /s --owner alice').join(), /--name/);
  assert.match(problems('token create --state /s --owner a/b --name x').join(), /owner/);
  assert.match(problems('token create --state /s --owner alice --name a*b').join(), /name/);
  assert.match(problems('token create --state /s --owner alice --name a --use both').join(), /use/);
  assert.match(problems('token create --state /s --owner alice --name a --ttl 0s').join(), /ttl/);
  assert.match(problems('token create --state /s --owner alice --name a --use api').join(), /--for/);
  assert.match(problems('token create --state /s --owner alice --name a --for b').join(), /--use api/);
  assert.match(problems('token create --state /s --owner alice --name a --use api --for b --grant c').join(), /grant/);
  assert.match(problems('token create --state /s --owner alice --name a --max-ttl 0s').join(), /max-ttl/);
  assert.match(problems('token create --state /s --owner alice --name a --max-tunnels -1').join(), /max-tunnels/);
  assert.match(problems('token create --state /s --owner alice --name a --max-services 99').join(), /max-services/);
  assert.match(problems('token create --state /s --owner alice --name a --max-streams x').join(), /max-streams/);
});

test('variables of the environment are read, and unknown ones are a mistake', () => {
  assert.deepEqual(problems('ca show', { POSTERN_STATE: '/s', POSTERN_UPSTREAM_TOKEN: 'x' }), []);
  assert.match(problems(SERVE, { POSTERN_LISTENN: ':1' }).join(), /POSTERN_LISTENN/);
});
