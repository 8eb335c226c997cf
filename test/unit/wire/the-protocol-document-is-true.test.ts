// docs/protocol.md is read, and everything in it that can be checked is compared with the code.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

import { ERRORS, PosternError, toProblem, type ErrorCode } from '../../../shared/errors.ts';
import { proofHolds } from '../../../shared/link/resumption.ts';
import { SMALL_CREDIT } from '../../../shared/mux/budget.ts';
import { LOWEST_CAP } from '../../../shared/mux/flight.ts';
import { FLOOD_FRAMES } from '../../../shared/mux/flood.ts';
import { LINK_HEADER_BYTES } from '../../../shared/mux/link.ts';
import { certificateProof, KEY_BYTES, type CertificateRequest } from '../../../shared/wire/certificate.ts';
import * as frame from '../../../shared/wire/frame.ts';
import * as handshake from '../../../shared/wire/handshake.ts';
import { HEX_EXAMPLES, PROOF, RESUME_KEY, RESUMPTION } from '../../support/protocol-examples.ts';

const document = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

/** Name -> text of the fenced blocks of a language. */
function blocks(language: string): Map<string, string> {
  const found = document.matchAll(new RegExp(`^\`\`\`${language} (\\S+)\\n(.*?)^\`\`\``, 'gms'));
  return new Map([...found].map(([, name, text]) => [name!, text!]));
}

function table(heading: string): string[][] {
  const rows = document.slice(document.indexOf(heading)).split('\n\n')[1]!.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
}

const hex = blocks('hex');
const json = blocks('json');

test('every example in hexadecimal is what the code makes', () => {
  assert.deepEqual([...hex.keys()].toSorted(), Object.keys(HEX_EXAMPLES).toSorted());
  for (const [name, text] of hex) assert.equal(text.replace(/\s/g, ''), HEX_EXAMPLES[name]!.toString('hex'), name);
});

test('every example in JSON is read as it stands', () => {
  const readers: Record<string, (value: unknown) => unknown> = {
    registration: (value) => handshake.decodeRegistration(encoded(value)),
    acceptance: (value) => handshake.decodeAcceptance(encoded(value)),
    resumption: (value) => handshake.decodeResumption(encoded(value)),
    resumed: (value) => handshake.decodeResumed(encoded(value)),
    info: (value) => handshake.decodeInfo(Buffer.from(JSON.stringify(value))),
    'certificate-request': (value) => handshake.decodeInfo(Buffer.from(JSON.stringify(value))),
    problem: (value) => toProblem(new PosternError((value as { code: ErrorCode }).code)),
  };
  assert.deepEqual([...json.keys()].toSorted(), Object.keys(readers).toSorted());
  for (const [name, text] of json) {
    const value: unknown = JSON.parse(text);
    assert.deepEqual(readers[name]!(value), value, name);
  }
});

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

test('the proof follows from the key and the text that are shown', () => {
  const shown = JSON.parse(json.get('resumption')!) as handshake.Resumption;
  assert.deepEqual(shown, { ...RESUMPTION, proof: PROOF });
  assert.ok(proofHolds(RESUME_KEY, shown));
  assert.equal((JSON.parse(json.get('acceptance')!) as handshake.Acceptance).resumeKey, RESUME_KEY);
  const { session, attempt, received } = RESUMPTION;
  assert.equal(blocks('text').get('proof'), `postern.1 resume\n${session}\n${attempt}\n${received}\n`);
});

test('the proof of a certificate request is one, of the text that is shown', () => {
  const { request, key, proof } = JSON.parse(json.get('certificate-request')!) as CertificateRequest;
  const text = certificateProof(RESUMPTION.session, request, key);
  assert.equal(blocks('text').get('certificate-proof'), `${text}\n`);
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64url'), format: 'der', type: 'spki' });
  assert.equal(Buffer.from(key, 'base64url').length, KEY_BYTES);
  assert.ok(verify('sha256', Buffer.from(text), publicKey, Buffer.from(proof, 'base64url')));
});

test('a proof for other numbers, or with another key, does not hold', () => {
  const resumption = { ...RESUMPTION, proof: PROOF };
  for (const change of [
    { attempt: 2 },
    { received: 42 },
    { session: '0'.repeat(32) },
    { proof: '' },
    { proof: `${PROOF}A` },
  ])
    assert.ok(!proofHolds(RESUME_KEY, { ...resumption, ...change }));
  assert.ok(!proofHolds('AAAA', resumption));
});

test('the table of frames is the table of the code', () => {
  const lines = document.split('\n').filter((line) => line.startsWith('| 0x'));
  const rows = lines.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, 5),
  );
  const expected = Object.entries(frame.FRAME).map(([name, type]) => {
    const { shortest, longest, ofStream } = frame.FRAME_RULES[type];
    const length = shortest === longest ? String(longest) : `${shortest} to ${longest}`;
    return [`0x0${type.toString(16)}`, name, length, ofStream ? 'yes' : '0'];
  });
  assert.deepEqual(rows, expected);
});

test('the table of numbers is true', () => {
  const numbers = Object.fromEntries(table('## Numbers').map(([name, value]) => [name, Number(value)]));
  assert.deepEqual(numbers, {
    'frame header, bytes': frame.FRAME_HEADER_BYTES,
    'link header, bytes': LINK_HEADER_BYTES,
    'longest DATA payload, bytes': frame.MAX_DATA_BYTES,
    'message that senders fill, bytes': frame.MESSAGE_BYTES,
    'highest credit, bytes': frame.MAX_CREDIT,
    'credit of a new stream when streams have started with a quarter of the budget, bytes': SMALL_CREDIT,
    'lowest flight cap, bytes': LOWEST_CAP,
    'ignorable types from': frame.IGNORABLE_FROM,
    'flood, frames in 10 s': FLOOD_FRAMES,
  });
});

test('every code is given with its number', () => {
  const given = [...document.matchAll(/`([a-z-]+)`\s\((\d{4})\)/g)];
  assert.ok(given.length > 25);
  for (const [, code, number] of given)
    assert.equal(ERRORS.find((entry) => entry.code === code)?.wire, Number(number), code);
});

test('what is final is what the error table calls final', () => {
  const paragraph = /\*\*Final\*\*.*?\. Everything else/s.exec(document)![0];
  const named = [...paragraph.matchAll(/`([a-z-]+)`\s\(/g)].map(([, code]) => code!);
  const final = ERRORS.filter(({ agent }) => agent === 'final').map(({ code }) => code);
  assert.deepEqual(named.toSorted(), final.toSorted());
});

test('paths, headers and the subprotocol are named as the code names them', () => {
  const { SUBPROTOCOL, TUNNEL_PATH, REGISTRATION_HEADER, ACCEPTANCE_HEADER, RESUMPTION_HEADER } = handshake;
  for (const name of [SUBPROTOCOL, TUNNEL_PATH, REGISTRATION_HEADER, ACCEPTANCE_HEADER, RESUMPTION_HEADER])
    assert.ok(document.includes(name), name);
});
