import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../../src/core/ids.ts';
import type { DueDelivery, NewEvents } from '../../src/core/ports.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createRandom } from '../../src/platform/random.ts';
import type { StoreCall } from '../../src/store/calls.ts';
import { openDatabase, waitShortly } from '../../src/store/sqlite/database.ts';
import { type CallResult, createExecutor, type Executor } from '../../src/store/sqlite/executor.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { webhookOf } from './contract/fixtures.ts';
import { temporaryFolder } from './support/stores.ts';

const ACCEPTED: CallResult = { ok: true, value: { result: 'accepted' } };

describe('group commit', () => {
  test('calls that come together share one commit, and hand over once', (t) => {
    const { executor, publish, commits } = openExecutor(t);
    const results = executor.run([publish(), publish(), publish()]);
    assert.deepEqual(results, [ACCEPTED, ACCEPTED, ACCEPTED]);
    assert.deepEqual(
      commits.map(({ handedOver }) => handedOver.length),
      [3],
    );
  });

  for (const [calls, wanted] of [
    [1_000, [1_000]],
    [1_001, [1_000, 1]],
    [2_500, [1_000, 1_000, 500]],
  ] as const) {
    test(`${calls} calls take ${wanted.length} ${wanted.length === 1 ? 'commit' : 'commits'}`, (t) => {
      const { executor, publish, commits } = openExecutor(t);
      executor.run(Array.from({ length: calls }, () => publish()));
      assert.deepEqual(
        commits.map(({ handedOver }) => handedOver.length),
        wanted,
      );
    });
  }

  test('what is handed over is on the disk already', (t) => {
    const { executor, publish, commits } = openExecutor(t);
    executor.run([publish(), publish()]);
    executor.run([publish()]);
    assert.deepEqual(
      commits.map(({ eventsSeenFromOutside }) => eventsSeenFromOutside),
      [2, 3],
    );
  });

  test('calls that make nothing pending hand nothing over', (t) => {
    const { executor, commits } = openExecutor(t);
    executor.run([{ operation: 'check', args: [] }, count()]);
    assert.deepEqual(commits, []);
  });

  test('answers come in the order of the calls, and what reads sees what was written', (t) => {
    const { executor, publish } = openExecutor(t);
    const results = executor.run([count(), publish(), count(), publish()]);
    const [first, , second] = results.map((result) => result.ok && result.value);
    assert.deepEqual(results[1], ACCEPTED);
    assert.deepEqual(results[3], ACCEPTED);
    assert.deepEqual(first, second);
    assert.equal((first as { items: unknown[] }).items.length, 2);
  });
});

describe('a bad call', () => {
  for (const [calls, bad] of [
    [1, 0],
    [2, 0],
    [2, 1],
    [7, 3],
    [100, 0],
    [100, 57],
    [100, 99],
  ] as const) {
    test(`number ${bad + 1} of ${calls} fails alone`, (t) => {
      const { executor, publish, db, commits } = openExecutor(t);
      const batch = Array.from({ length: calls }, (_, index) => publish(eventId(index)));
      batch[bad] = publish(eventId(bad), eventId(bad));
      const results = executor.run(batch);
      assert.deepEqual(
        results.map(({ ok }) => ok),
        results.map((_, index) => index !== bad),
      );
      assert.match(errorOf(results[bad]).message, /UNIQUE constraint failed: events/);
      assert.equal(eventsIn(db), calls - 1);
      const handedOver = commits.flatMap((commit) => commit.handedOver.map((one) => one.event.id));
      const kept = batch.map((_, index) => eventId(index)).filter((id) => id !== eventId(bad));
      assert.deepEqual(handedOver, kept);
    });
  }

  test('several bad calls fail, each alone', (t) => {
    const { executor, publish, db } = openExecutor(t);
    const isBad = (index: number) => index % 5 === 2;
    const batch = Array.from({ length: 50 }, (_, index) =>
      isBad(index) ? publish(eventId(index), eventId(index)) : publish(eventId(index)),
    );
    const results = executor.run(batch);
    assert.deepEqual(
      results.map(({ ok }) => ok),
      results.map((_, index) => !isBad(index)),
    );
    assert.equal(eventsIn(db), 40);
  });

  test('of two calls that exclude each other the first succeeds', (t) => {
    const { executor, publish } = openExecutor(t);
    const results = executor.run([publish(eventId(1)), publish(eventId(1))]);
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [true, false],
    );
  });
});

describe('a full disk', () => {
  test('refuses every call of the batch and keeps nothing of it, until there is room', (t) => {
    const { executor, publish, db, commits } = openExecutor(t);
    executor.run([publish()]);
    commits.length = 0;
    const pages = Number(db.prepare('pragma page_count').get()?.page_count);
    db.exec(`pragma max_page_count = ${pages + 2}`);

    for (let again = 0; again < 2; again++) {
      const full = [publish(), publishBig(publish), publish()];
      for (const result of executor.run(full)) assertUnavailable(result, /full/);
      assert.equal(db.isTransaction, false);
      assert.equal(eventsIn(db), 1);
      assert.deepEqual(commits, []);
    }
    const [read] = executor.run([count()]);
    assert.equal(read?.ok, true, 'reading goes on');

    db.exec('pragma max_page_count = 1000000');
    assert.deepEqual(executor.run([publishBig(publish), publish()]), [ACCEPTED, ACCEPTED]);
    assert.equal(eventsIn(db), 3);
    assert.deepEqual(
      commits.map(({ handedOver }) => handedOver.length),
      [2],
    );
  });
});

describe("another program's lock", () => {
  test('refuses what writes, lets what reads go on, and is over when it is released', (t) => {
    const { executor, publish, db, commits, outside } = openExecutor(t);
    executor.run([publish()]);
    commits.length = 0;
    outside.exec('begin immediate');
    const results = executor.run([publish(), count(), publish()]);
    assertUnavailable(results[0], /locked/);
    assert.equal(results[1]?.ok, true);
    assertUnavailable(results[2], /locked/);
    assert.equal(db.isTransaction, false);
    outside.exec('rollback');
    assert.equal(eventsIn(db), 1);
    assert.deepEqual(commits, []);
    assert.deepEqual(executor.run([publish()]), [ACCEPTED]);
    assert.equal(eventsIn(db), 2);
  });
});

interface Commit {
  handedOver: DueDelivery[];
  eventsSeenFromOutside: number;
}

interface Opened {
  executor: Executor;
  db: DatabaseSync;
  /** Another program's connection to the same file. */
  outside: DatabaseSync;
  /** What was handed over, and what another connection saw at that moment. */
  commits: Commit[];
  /** A publish of these events, or of one, to one webhook. */
  publish(...eventIds: readonly string[]): StoreCall;
}

function openExecutor(t: TestContext): Opened {
  const folder = temporaryFolder();
  const path = join(folder.path, 'test.db');
  const db = openDatabase(path);
  const outside = new DatabaseSync(path, { timeout: 0 });
  t.after(() => {
    outside.close();
    db.close();
    folder.remove();
  });
  migrate(db);
  waitShortly(db);
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const commits: Commit[] = [];
  const handOver = (handedOver: DueDelivery[]) => {
    commits.push({ handedOver, eventsSeenFromOutside: eventsIn(outside) });
  };
  const executor = createExecutor(db, { newId, handOver });
  const webhook = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), 0);
  executor.run([{ operation: 'createWebhook', args: [webhook, { perAccountMax: 1 }] }]);
  const publish = (...eventIds: readonly string[]): StoreCall => {
    const ids = eventIds.length > 0 ? eventIds : [newId('event')];
    return { operation: 'publish', args: [eventsOf(ids, webhook.id, newId)] };
  };
  return { executor, db, outside, commits, publish };
}

function eventsOf(ids: readonly string[], webhookId: string, newId: NewId): NewEvents {
  const accountId = DEFAULT_ACCOUNT_ID;
  return {
    accountId,
    webhooksVersion: 1,
    events: ids.map((id) => ({
      accountId,
      id,
      type: 'user.created',
      createdAt: 0,
      body: '{}',
      deliveries: [{ id: newId('delivery'), webhookId }],
    })),
  };
}

/** A publish that needs more pages than the full disk has left. */
function publishBig(publish: Opened['publish']): StoreCall {
  const call = publish();
  const [events] = call.args as [NewEvents];
  const big = events.events.map((event) => ({ ...event, body: 'x'.repeat(100_000) }));
  return { ...call, args: [{ ...events, events: big }] };
}

function count(): StoreCall {
  return { operation: 'listEvents', args: [DEFAULT_ACCOUNT_ID, {}, { limit: 100 }] };
}

function eventId(index: number): string {
  return `evt_${String(index).padStart(24, '0')}`;
}

function eventsIn(db: DatabaseSync): number {
  return Number(db.prepare('select count(*) as count from events').get()?.count);
}

function errorOf(result: CallResult | undefined): Error {
  assert.ok(result && !result.ok, 'the call failed');
  return result.error;
}

function assertUnavailable(result: CallResult | undefined, reason: RegExp): void {
  const error = errorOf(result);
  assert.ok(error instanceof PosthornError, error.message);
  assert.equal(error.code, 'store_unavailable');
  assert.match(error.message, reason);
  assert.ok((error.retryAfterSeconds ?? 0) >= 1, 'it says when to come again');
}
