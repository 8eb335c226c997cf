// The splice, over duplexes in memory.

import assert from 'node:assert/strict';
import { duplexPair, Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { splice } from '../../../shared/net/pipe.ts';

/** outerA <-> innerA, spliced to innerB <-> outerB. */
function spliced(onFailure?: Parameters<typeof splice>[2]) {
  const [outerA, innerA] = duplexPair();
  const [outerB, innerB] = duplexPair();
  const done = splice(innerA, innerB, onFailure);
  return { outerA, innerA, outerB, innerB, done };
}

test('bytes go both ways, and the end of each direction arrives by itself', async () => {
  const { outerA, outerB, done } = spliced();
  outerA.end('question');
  assert.equal(await text(outerB), 'question');
  // The other direction is still open.
  outerB.write('ans');
  outerB.end('wer');
  assert.equal(await text(outerA), 'answer');
  await done;
});

test('an error of one side becomes the error of the other, never its end', async () => {
  const { outerB, innerA, innerB, done } = spliced();
  const seen: string[] = [];
  outerB.on('end', () => seen.push('end')).resume();
  const error = new PosternError('upstream-closed');
  let told: Error | undefined;
  innerB.on('error', (reason) => (told = reason));
  innerA.destroy(error);
  await done;
  assert.equal(told, error);
  assert.deepEqual(seen, []);
});

test('a side that closes before it ended counts as failed', async () => {
  for (const ended of [false, true]) {
    const failures: unknown[] = [];
    const { outerA, outerB, innerA, innerB, done } = spliced((failed, other, error) => {
      failures.push(failed === innerA, other === innerB, (error as PosternError).code);
      other.destroy();
    });
    outerB.resume();
    if (ended) {
      const arrived = new Promise((resolve) => innerA.once('end', resolve));
      outerA.end();
      await arrived;
    }
    innerA.destroy();
    await done;
    assert.deepEqual(failures, [true, true, 'stream-cancelled']);
  }
});

test('a failure is told once, as its first cause', async () => {
  const told: string[] = [];
  const { innerA, innerB, done } = spliced((_failed, other, error) => {
    told.push(error.message);
    other.destroy(new Error('echo'));
  });
  innerA.destroy(new Error('cause'));
  innerB.destroy(new Error('echo'));
  await done;
  assert.deepEqual(told, ['cause']);
});

test('a side that was closed before the splice fails it', async () => {
  const [, innerA] = duplexPair();
  const [, innerB] = duplexPair();
  innerB.on('error', () => {});
  const closed = new Promise((resolve) => innerA.once('close', resolve));
  innerA.destroy();
  await closed;
  await splice(innerA, innerB);
  assert.ok(innerB.destroyed);
});

test('a reader that stops reading stops the writer, and nothing is lost when it goes on', async () => {
  const TOTAL = 4_000_000;
  const CHUNK = Buffer.alloc(10_000, 'x');
  let produced = 0;
  const source = new Duplex({
    read() {
      produced += CHUNK.length;
      this.push(produced > TOTAL ? null : CHUNK);
    },
    write: (_chunk, _encoding, done) => done(),
  });
  let consumed = 0;
  let release: (() => void) | undefined;
  const sink = new Duplex({
    read() {
      this.push(null);
    },
    write: (chunk: Buffer, _encoding, done) => {
      consumed += chunk.length;
      if (consumed < 100_000 || release !== undefined) return done();
      release = done;
    },
  });
  const done = splice(source, sink);
  while (release === undefined) await new Promise((resolve) => setImmediate(resolve));
  const stalledAt = produced;
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(produced, stalledAt);
  assert.ok(stalledAt < 500_000, `${stalledAt} bytes were read ahead`);
  release();
  await done;
  assert.equal(consumed, TOTAL);
});
