import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { openDataFile } from '../system/support/data-file.ts';
import { type Arrival, startReceiver } from '../system/support/receiver.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { makeDisk } from './support/disk-shim.ts';
import { call, idsOf, publishMany, startServer, subscribe } from './support/server.ts';

const BACKLOG = 300;

test('While the disk is full publishers get 503 and nothing is sent; with room again everything goes on', async (t) => {
  const dataDir = temporaryDirectory(t);
  const disk = makeDisk(t, dataDir);
  if (disk === null) return;
  const gate = new Gate();
  const receiver = await startReceiver(t, (arrival) => gate.answer(arrival));
  const server = await startServer(t, { dataDir, environment: disk.environment });
  await subscribe(server, receiver.url);
  const data = openDataFile(join(dataDir, 'posthorn.db'));
  gate.open(1);
  const accepted = idsOf(await publishMany(server, 1));
  await until('the receiver is known to be well', async () => data.pendingCount() === 0);
  accepted.push(...idsOf(await publishMany(server, BACKLOG)));
  assert.equal(accepted.length, 1 + BACKLOG);
  await until('exchanges are in progress', async () => gate.held > 5);

  disk.break({ operation: 'write', file: 'both', error: 'ENOSPC' });
  gate.open(1);
  await hasFailedAgain(2);
  const sent = receiver.arrivals.length;
  assert.ok(sent < BACKLOG, 'some were not sent before the disk was full');
  gate.open(Number.POSITIVE_INFINITY);
  await hasFailedAgain(6);
  assert.equal(receiver.arrivals.length, sent, 'what came of it could not be kept');

  for (const answer of await publishMany(server, 40)) {
    assert.equal(answer?.status, 503);
    assert.equal(answer?.body.code, 'store_unavailable');
    assert.equal(answer?.retryAfter, '1');
  }
  assert.equal((await call(server.url, 'GET', '/healthz')).status, 200);
  assert.equal((await call(server.url, 'GET', '/readyz')).status, 503);
  assert.equal((await call(server.url, 'GET', `/v1/events/${accepted[0]}`)).status, 200);

  disk.heal();
  accepted.push(...idsOf(await publishMany(server, 20)));
  assert.equal(accepted.length, 1 + BACKLOG + 20);
  await until('all is delivered', async () => data.pendingCount() === 0);
  assert.deepEqual(data.deliveriesByStatus(), { delivered: accepted.length });
  assert.deepEqual(new Set(data.bodies().keys()), new Set(accepted), 'a refused one left nothing');
  assert.deepEqual(new Set(receiver.arrivals.map(idOf)), new Set(accepted));
  assert.equal(receiver.arrivals.length, accepted.length, 'nothing was sent twice');
  assert.deepEqual(data.quickCheck(), ['ok']);
  data.close();
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });

  async function hasFailedAgain(times: number): Promise<void> {
    const before = disk?.failedCount() ?? 0;
    const wanted = before + times;
    await until('more writes have failed', async () => (disk?.failedCount() ?? 0) >= wanted);
  }
});

function idOf({ headers }: Arrival): string {
  return String(headers['webhook-id']);
}

/** Holds answers back until it is opened for so many. */
class Gate {
  #waiting: (() => void)[] = [];
  #open = 0;

  get held(): number {
    return this.#waiting.length;
  }

  async answer(_: Arrival): Promise<number> {
    if (this.#open > 0) this.#open -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return 200;
  }

  open(count: number): void {
    const released = this.#waiting.splice(0, count);
    this.#open += count - released.length;
    for (const release of released) release();
  }
}
