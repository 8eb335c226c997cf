// Whoever has no cookie is kept out, the link works once, and no secret shows up in what the programs print.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLink } from '../../contrib/demo/programs.ts';
import { JupyterWorld, skipWithoutJupyterLab, until } from '../support/jupyter-world.ts';

const skip = skipWithoutJupyterLab;
const ENTER = { method: 'POST', headers: { 'content-type': 'application/json' } };

test('a notebook through the built programs is private', { skip }, async (t) => {
  await using world = await JupyterWorld.start();
  const { agent } = world;

  await t.test('a visitor without a cookie gets a page with 401', async () => {
    const answer = await world.visitor().ask('/lab', { headers: { accept: 'text/html' } });
    assert.equal(answer.status, 401);
    assert.match(answer.headers['content-type'] ?? '', /text\/html/);
    assert.match(answer.body.toString('utf8'), /private/i);
  });

  await t.test('a program without a cookie gets a problem document', async () => {
    const answer = await world.visitor().ask('/api/status', { headers: { accept: 'application/json' } });
    assert.equal(answer.status, 401);
    assert.equal((JSON.parse(answer.body.toString('utf8')) as { code: string }).code, 'sign-in-needed');
  });

  await t.test('the link opens it, once', async () => {
    const owner = await world.owner();
    assert.equal((await owner.ask('/api/status')).status, 200);
    const second = await world.visitor().ask('/_postern/enter', {
      ...ENTER,
      body: JSON.stringify({ secret: agent.secret }),
    });
    assert.equal(second.status, 403);
    assert.equal((JSON.parse(second.body.toString('utf8')) as { code: string }).code, 'link-spent');
  });

  await t.test('the agent then holds another link, which works', async () => {
    const fresh = async () => {
      const link = readLink(agent.linkFile);
      return link !== undefined && link.href !== agent.link ? link : undefined;
    };
    const link = await until(fresh, 10_000, 'a fresh link in the link file');
    const visitor = world.visitor();
    await visitor.enter(link.hash.replace('#postern=', ''));
    assert.equal((await visitor.ask('/api/status')).status, 200);
  });

  await t.test('no secret is in what the programs printed', () => {
    const printed = agent.child.lastWords + world.bastion.child.lastWords;
    assert.ok(!printed.includes(agent.secret));
  });
});
