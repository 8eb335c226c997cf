// The contract suite of the seam "what carries frames": what every link must keep.

import assert from 'node:assert/strict';
import test from 'node:test';

import { PosternError } from '../../shared/errors.ts';
import { LINK_HEADER_BYTES, type Link } from '../../shared/mux/link.ts';
import { LinkRecorder, numbered, numberOf, upTo } from '../support/link-recorder.ts';

export interface LinkWorld {
  readonly near: Link;
  readonly far: Link;
  /** Resolves once the condition holds, with whatever has to be moved for it. */
  until(condition: () => boolean): Promise<void>;
  /** Breaks the connection below and brings another; undefined when the link cannot be resumed. */
  readonly replace?: () => Promise<void>;
  close(): Promise<void>;
}

const bytesOf = (messages: readonly Buffer[]): number => messages.reduce((sum, { length }) => sum + length, 0);

/** Runs the suite for one implementation. */
export function linkContract(label: string, open: () => Promise<LinkWorld>): void {
  function check(what: string, run: (world: LinkWorld) => Promise<void>): void {
    test(`${label}: ${what}`, async () => {
      const world = await open();
      try {
        await run(world);
      } finally {
        await world.close();
      }
    });
  }

  check('messages arrive once, in order, without the header, and are the listener’s to keep', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    for (const number of upTo(300)) world.near.send(numbered(number, (number * 97) % 16_000));
    for (const number of upTo(20)) world.far.send(numbered(number));
    await world.until(() => far.messages.length === 300 && near.messages.length === 20);
    assert.deepEqual(far.numbers, upTo(300));
    assert.deepEqual(near.numbers, upTo(20));
  });

  check('nothing is called inside send', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    world.near.send(numbered(0));
    world.near.sendTransient(numbered(1));
    const calls = [near, far].map(({ messages, transients, drains }) => messages.length + transients.length + drains);
    assert.deepEqual(calls, [0, 0]);
    await world.until(() => far.messages.length === 1);
  });

  check('what is sent before the other end listens is not lost', async (world) => {
    world.near.send(numbered(0));
    world.near.send(numbered(1));
    await new Promise((resolve) => setImmediate(resolve));
    const far = new LinkRecorder(world.far);
    await world.until(() => far.messages.length === 2);
    assert.deepEqual(far.numbers, [0, 1]);
  });

  check('transient messages arrive as such, and are not counted', async (world) => {
    new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    world.near.sendTransient(numbered(7));
    assert.equal(world.near.unacknowledged, 0);
    await world.until(() => far.transients.length === 1);
    assert.equal(numberOf(far.transients[0]!), 7);
    assert.deepEqual(far.messages, []);
  });

  check('what was sent is unacknowledged until it has arrived, and drain tells', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    const messages = upTo(50).map((number) => numbered(number, 1000));
    const total = bytesOf(messages);
    for (const message of messages) world.near.send(message);
    assert.equal(world.near.unacknowledged, total);
    await world.until(() => world.near.unacknowledged === 0);
    assert.equal(far.messages.length, 50);
    assert.ok(near.drains > 0);
  });

  check('heard grows with what arrives', async (world) => {
    new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    const before = world.far.heard;
    world.near.send(numbered(0, 5000));
    await world.until(() => far.messages.length === 1);
    assert.ok(world.far.heard >= before + 5000);
  });

  check('a listener may send from within a call', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    const echo = (link: Link) => (frames: Buffer) => {
      const number = numberOf(frames);
      if (number < 100) link.send(numbered(number + 1));
    };
    near.onMessage = echo(world.near);
    far.onMessage = echo(world.far);
    world.near.send(numbered(0));
    await world.until(() => far.messages.length === 51);
    assert.deepEqual(
      far.numbers,
      upTo(51).map((index) => 2 * index),
    );
  });

  check('destroy closes both ends, each told once, and nothing afterwards', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    world.far.send(numbered(0));
    world.near.destroy(new PosternError('flood'));
    world.near.destroy(new PosternError('draining'));
    assert.deepEqual(
      near.closes.map(({ code }) => code),
      ['flood'],
    );
    world.near.send(numbered(1));
    world.near.sendTransient(numbered(2));
    assert.equal(world.near.unacknowledged, 0);
    await world.until(() => far.closes.length > 0);
    world.far.destroy(new PosternError('draining'));
    world.far.send(numbered(3));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([near.closes.length, far.closes.length], [1, 1]);
    assert.deepEqual([near.afterwards, far.afterwards], [0, 0]);
  });

  check('a listener that destroys the link is told of nothing more', async (world) => {
    new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    far.onMessage = () => world.far.destroy(new PosternError('protocol-error'));
    for (const number of upTo(10)) world.near.send(numbered(number));
    await world.until(() => far.closes.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(far.messages.length, 1);
    assert.equal(far.afterwards, 0);
  });

  check('a link that was destroyed before it was listened to says so when it is', async (world) => {
    world.near.destroy(new PosternError('draining'));
    const near = new LinkRecorder(world.near);
    assert.deepEqual(
      near.closes.map(({ code }) => code),
      ['draining'],
    );
  });

  check('a megabyte each way at once arrives whole', async (world) => {
    const near = new LinkRecorder(world.near);
    const far = new LinkRecorder(world.far);
    for (const number of upTo(64)) {
      world.near.send(numbered(number, 16_312));
      world.far.send(numbered(number, 16_312));
    }
    await world.until(() => far.messages.length === 64 && near.messages.length === 64);
    assert.equal(bytesOf(far.messages), 64 * (numbered(0, 16_312).length - LINK_HEADER_BYTES));
  });

  test(`${label}: over a new connection it goes on where it stopped`, async (t) => {
    const world = await open();
    if (world.replace === undefined) t.skip('this link cannot be resumed');
    else {
      const near = new LinkRecorder(world.near);
      const far = new LinkRecorder(world.far);
      for (const number of upTo(40)) world.near.send(numbered(number, 9000));
      await world.until(() => far.messages.length > 3);
      await world.replace();
      for (const number of upTo(40)) world.near.send(numbered(40 + number));
      await world.until(() => far.messages.length === 80 && world.near.unacknowledged === 0);
      assert.deepEqual(far.numbers, upTo(80));
      assert.ok(near.replacements > 0 && far.replacements > 0);
    }
    await world.close();
  });
}
