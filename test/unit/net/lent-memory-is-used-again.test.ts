// Memory for large reads: given back once written, never while somebody may still look at it.

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import test from 'node:test';

import { giveBack, LendingPool } from '../../../shared/net/lent-buffer.ts';
import { splice } from '../../../shared/net/pipe.ts';

test('what was given back is lent again, at the size of the data', () => {
  const pool = new LendingPool(100, 2);
  const first = pool.lend(Buffer.from('first'));
  giveBack(first)?.();
  const second = pool.lend(Buffer.from('no. 2'));
  assert.equal(second.buffer, first.buffer);
  assert.equal(String(second), 'no. 2');
});

test('giving back twice lends to one only', () => {
  const pool = new LendingPool(100, 5);
  const chunk = pool.lend(Buffer.from('x'));
  giveBack(chunk)?.();
  giveBack(chunk)?.();
  assert.equal(pool.waiting, 1);
  assert.notEqual(pool.lend(Buffer.from('a')).buffer, pool.lend(Buffer.from('b')).buffer);
});

test('no more is kept than was said, and other buffers are nobody to give back to', () => {
  const pool = new LendingPool(100, 2);
  const chunks = ['a', 'b', 'c'].map((text) => pool.lend(Buffer.from(text)));
  for (const chunk of chunks) giveBack(chunk)?.();
  assert.equal(pool.waiting, 2);
  assert.equal(giveBack(Buffer.from('mine')), undefined);
});

test('a splice gives back when the writer is done with the bytes, not before', async () => {
  const pool = new LendingPool(100, 10);
  const held: { text: () => string; done: () => void }[] = [];
  const source = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const sink = new Duplex({
    read() {
      this.push(null);
    },
    write: (chunk: Buffer, _encoding, done) => void held.push({ text: () => String(chunk), done }),
  });
  const closed = splice(source, sink);
  source.push(pool.lend(Buffer.from('one')));
  source.push(pool.lend(Buffer.from('two')));
  source.push(null);
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pool.waiting, 0);
  assert.equal(held[0]?.text(), 'one');
  held[0]?.done();
  while (held.length === 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pool.waiting, 1);
  assert.equal(held[1]?.text(), 'two');
  held[1]?.done();
  await closed;
  assert.equal(pool.waiting, 2);
});

test('a splice gives back what nobody takes any more', async () => {
  const pool = new LendingPool(100, 10);
  const source = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const sink = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const closed = splice(source, sink, (_failed, other) => setImmediate(() => other.destroy()));
  sink.destroy();
  source.push(pool.lend(Buffer.from('late')));
  await closed;
  assert.equal(pool.waiting, 1);
});
