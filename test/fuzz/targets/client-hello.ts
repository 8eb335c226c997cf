// The first bytes of a visitor's TLS connection: read as by the naive reader, and never thrown at.

import assert from 'node:assert/strict';

import { readClientHello } from '../../../bastion/front/client-hello.ts';
import { naiveClientHello } from '../../support/hellos.ts';
import { words, type Target } from '../target.ts';

export const target: Target = {
  longest: 36_000,
  dictionary: [
    ...words('alice.notebooks.example.org'),
    ...['160301', '16030300', '0100', '0303', '00000000', '000e00000b', '0010', '4000'].map((hex) =>
      Buffer.from(hex, 'hex'),
    ),
  ],
  run(input) {
    assert.deepEqual(readClientHello(input), naiveClientHello(input));
  },
};
