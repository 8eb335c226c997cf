// One-time links: each secret opens once, whatever the agent offers afterwards.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { openSqliteStore } from '../../../bastion/store/sqlite.ts';
import { OneTimeLinks, SpentLinks } from '../../../bastion/tunnels/links.ts';

const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const noneSpent = (): SpentLinks => new SpentLinks(openSqliteStore(':memory:'));

test('a secret opens once', () => {
  const links = new OneTimeLinks(noneSpent());
  links.offer([hash('one'), hash('two')]);
  assert.equal(links.spend('three', '192.0.2.1'), undefined);
  assert.equal(links.spend(hash('one'), '192.0.2.1'), undefined);
  assert.equal(links.spend('one', '192.0.2.1'), hash('one'));
  assert.equal(links.spend('one', '192.0.2.1'), undefined);
  assert.equal(links.spend('two', '192.0.2.1'), hash('two'));
});

test('a new offer replaces the links before it', () => {
  const links = new OneTimeLinks(noneSpent());
  links.offer([hash('one')]);
  links.offer([hash('two')]);
  assert.equal(links.spend('one', '192.0.2.1'), undefined);
});

test('a spent link that is offered again, even in a new tunnel, stays spent, and the agent hears of it', () => {
  const spent = noneSpent();
  const links = new OneTimeLinks(spent);
  assert.deepEqual(links.offer([hash('one')]), []);
  links.spend('one', '192.0.2.1');
  const next = new OneTimeLinks(spent);
  assert.deepEqual(next.offer([hash('one'), hash('two')]), [{ hash: hash('one'), from: '192.0.2.1' }]);
  assert.equal(next.spend('one', '192.0.2.1'), undefined);
  assert.equal(next.spend('two', '192.0.2.1'), hash('two'));
});
