import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { openDataFile } from '../system/support/data-file.ts';
import { startReceiver } from '../system/support/receiver.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { call, idsOf, publish, publishMany, startServer, subscribe } from './support/server.ts';

/** The wait of `queue.ts`, the last try, and a slow machine. */
const REFUSED_WITHIN_MS = 8_000;
const READ_WITHIN_MS = 1_000;
const SHORT_LOCK_MS = 1_500;

// They wait more than they work.
describe('While another program holds the data file', { concurrency: true }, () => {
  for (const begin of ['begin immediate', 'begin exclusive']) {
    test(`with "${begin}", publishers get 503 in bounded time, reads and health go on, and nothing is lost`, async (t) => {
      const dataDir = temporaryDirectory(t);
      const receiver = await startReceiver(t, () => 200);
      const server = await startServer(t, { dataDir });
      await subscribe(server, receiver.url);
      const accepted = idsOf(await publishMany(server, 20));
      await receiver.hasReceived(20);

      const foreign = openForeign(t, dataDir);
      foreign.exec(begin);
      const beganAt = performance.now();
      const writes = publishMany(server, 30);
      let slowestMs = 0;
      let looks = 0;
      let isOver = false;
      const looking = (async () => {
        while (!isOver) {
          const from = performance.now();
          assert.equal((await call(server.url, 'GET', '/healthz')).status, 200);
          assert.equal((await call(server.url, 'GET', `/v1/events/${accepted[0]}`)).status, 200);
          slowestMs = Math.max(slowestMs, performance.now() - from);
          looks += 1;
        }
      })();
      const answers = await writes;
      const refusedMs = performance.now() - beganAt;
      isOver = true;
      await looking;
      for (const answer of answers) {
        assert.equal(answer?.status, 503);
        assert.equal(answer?.body.code, 'store_unavailable');
        assert.equal(answer?.retryAfter, '1');
      }
      t.diagnostic(
        `refused after ${Math.round(refusedMs)} ms; ${looks} reads meanwhile, slowest ${Math.round(slowestMs)} ms`,
      );
      assert.ok(refusedMs < REFUSED_WITHIN_MS);
      assert.ok(slowestMs < READ_WITHIN_MS);

      foreign.exec('rollback');
      accepted.push(...idsOf(await publishMany(server, 20)));
      assert.equal(accepted.length, 40);
      await expectAllDelivered(dataDir, accepted);
    });
  }

  test('for a short time, a publish waits for it and is accepted', async (t) => {
    const dataDir = temporaryDirectory(t);
    const receiver = await startReceiver(t, () => 200);
    const server = await startServer(t, { dataDir });
    await subscribe(server, receiver.url);
    const foreign = openForeign(t, dataDir);
    foreign.exec('begin immediate');
    const published = publishMany(server, 20);
    await after(SHORT_LOCK_MS);
    const later = publish(server, {});
    foreign.exec('rollback');
    const accepted = idsOf([...(await published), await later]);
    assert.equal(accepted.length, 21);
    await expectAllDelivered(dataDir, accepted);
  });

  test('a server that is stopped ends within its limit', async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await startServer(t, { dataDir });
    const foreign = openForeign(t, dataDir);
    foreign.exec('begin immediate');
    const published = publishMany(server, 5);
    await after(100);
    server.process.kill('SIGTERM');
    for (const answer of await published) assert.notEqual(answer?.status, 202);
    assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  });
});

function openForeign(t: TestContext, dataDir: string): DatabaseSync {
  const foreign = new DatabaseSync(join(dataDir, 'posthorn.db'), { timeout: 5_000 });
  cleanUp(t, () => foreign.close());
  return foreign;
}

async function expectAllDelivered(dataDir: string, accepted: readonly string[]): Promise<void> {
  const data = openDataFile(join(dataDir, 'posthorn.db'));
  await until('all is delivered', async () => data.pendingCount() === 0);
  assert.deepEqual(new Set(data.bodies().keys()), new Set(accepted));
  assert.deepEqual(data.deliveriesByStatus(), { delivered: accepted.length });
  data.close();
}
