// What the engine asks of the store costs the same however much lies there that is not asked for.
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import type { Recovery } from '../../src/core/model.ts';
import type { DueRequest } from '../../src/core/ports.ts';
import type { Operations } from '../../src/store/sqlite/operation-types.ts';
import { type MeasuredStore, openMeasured } from './support/measured-database.ts';

const ACCOUNT = 'acc_mine';
const WEBHOOK = { accountId: ACCOUNT, webhookId: 'wh_asked' };
const DUE: DueRequest = {
  ...WEBHOOK,
  ordering: 'none',
  dueBefore: 1_000_000,
  limit: 10,
  bytesMax: 1_000_000,
  except: [],
};
/** So long a limit must be set before `sent_at` is all that is asked. */
const SETTING_MS_MAX = 10 * 60_000;
const RECOVERY: Recovery = {
  ...WEBHOOK,
  id: 'rec_1',
  since: 0,
  until: Number.MAX_SAFE_INTEGER,
  status: 'running',
  deliveryCount: 0,
  createdAt: 0,
  endedAt: null,
};
const STRICT: DueRequest = { ...DUE, ordering: 'strict' };

interface Question {
  name: string;
  ask: (operations: Operations) => unknown;
  /** The indexes of `deliveries` that it goes by. */
  by: string[];
  /** Whether more of the same webhook costs nothing either. */
  isBounded: boolean;
}

const QUESTIONS: Question[] = [
  {
    name: 'due',
    ask: ({ due }) => due(DUE),
    by: ['deliveries_fresh', 'deliveries_retry'],
    isBounded: true,
  },
  {
    name: 'due, before anything is to be tried again',
    ask: ({ due }) => due({ ...DUE, dueBefore: 0 }),
    by: ['deliveries_fresh', 'deliveries_retry'],
    isBounded: true,
  },
  {
    name: 'due in strict order',
    ask: ({ due }) => due(STRICT),
    by: ['deliveries_fresh', 'deliveries_retry_by_seq'],
    isBounded: true,
  },
  {
    name: 'the webhooks with something pending',
    ask: ({ webhooksWithPending }) =>
      webhooksWithPending({ after: BEFORE_ASKED, limit: 1, counts: true }),
    by: ['deliveries_fresh', 'deliveries_retry'],
    isBounded: false,
  },
  {
    name: 'how many are pending, up to a limit',
    ask: ({ countPending }) => countPending(WEBHOOK, 15),
    by: ['deliveries_fresh', 'deliveries_retry'],
    isBounded: true,
  },
  {
    name: 'cancelling what is pending',
    ask: ({ disableWebhook, cancelPending }) => {
      disableWebhook(WEBHOOK, 'failing', 0);
      assert.equal(cancelPending(WEBHOOK, 'x', 15), 15);
    },
    by: ['deliveries_fresh', 'deliveries_retry'],
    isBounded: true,
  },
  {
    name: 'the send times',
    ask: ({ sendTimes }) => sendTimes({ ...WEBHOOK, since: SETTING_MS_MAX, limit: 10 }),
    by: ['deliveries_sent'],
    isBounded: true,
  },
  {
    name: 'a step of a recovery',
    ask: ({ createRecovery, recoverStep }) => {
      createRecovery(RECOVERY);
      assert.equal(recoverStep({ ...RECOVERY, limit: 10, now: 0 }).isDone, false);
    },
    by: ['deliveries_by_id', 'deliveries_later'],
    isBounded: true,
  },
  {
    name: 'the figures',
    ask: ({ deliveryStats }) => deliveryStats(WEBHOOK, 0),
    by: ['deliveries_by_webhook', 'deliveries_fresh', 'deliveries_retry'],
    isBounded: false,
  },
  {
    name: 'a page of deliveries of the webhook',
    ask: ({ listDeliveries }) =>
      listDeliveries(ACCOUNT, { webhookId: WEBHOOK.webhookId }, { limit: 10 }),
    by: ['deliveries_by_webhook'],
    isBounded: true,
  },
  {
    name: 'a page of deliveries of what is no event',
    ask: ({ listDeliveries }) => listDeliveries(ACCOUNT, { eventId: 'evt_0' }, { limit: 10 }),
    by: ['deliveries_by_id', 'deliveries_later'],
    isBounded: true,
  },
  {
    name: 'a page of deliveries of an event',
    ask: ({ listDeliveries }) =>
      listDeliveries(ACCOUNT, { eventId: 'evt_0000000000asked' }, { limit: 10 }),
    by: ['deliveries_by_id', 'deliveries_later'],
    isBounded: true,
  },
];
/** Sorts between the account's other webhooks and the one that is asked for. */
const BEFORE_ASKED = { accountId: ACCOUNT, webhookId: 'wh_askec' };

describe('the cost of a question', () => {
  for (const { name, ask, by, isBounded } of QUESTIONS) {
    test(`${name}: it goes by ${by.join(' and ')}`, (t) => {
      const store = openFilled(t, { asked: 20, other: 20 });
      assert.deepEqual(
        store.indexesOf(() => ask(store.operations)),
        by,
      );
    });

    test(`${name}: what another webhook has costs nothing`, (t) => {
      const [few, many] = [20, 20_000].map((other) => costOf(t, ask, { asked: 20, other }));
      assert.deepEqual(many, few);
    });

    if (isBounded) {
      test(`${name}: what the webhook has beyond the page costs nothing`, (t) => {
        const [few, many] = [40, 20_000].map((asked) => costOf(t, ask, { asked, other: 20 }));
        assert.deepEqual(many, few);
      });
    }
  }
});

/** Steps of the question, asked once. */
function costOf(t: TestContext, ask: Question['ask'], rows: Rows): number {
  const store = openFilled(t, rows);
  return store.stepsOf(() => ask(store.operations));
}

interface Rows {
  asked: number;
  other: number;
}

/** Two webhooks with so many deliveries, half of them never tried, half to be tried again. */
function openFilled(t: TestContext, { asked, other }: Rows): MeasuredStore {
  const store = openMeasured();
  t.after(() => store.db.close());
  fill(store.db, 'asked', asked);
  fill(store.db, 'other', other);
  return store;
}

/** Each of a moment of its own. */
const ID = `printf('%010d', number) || ?1`;

function fill(db: DatabaseSync, webhook: string, count: number): void {
  db.prepare(`
    insert into webhooks (account_id, id, url, events, description, status, secret_sealed,
      secret_hint, created_at, updated_at, rate_limit_max, rate_limit_per_ms, rate_limited_since)
    values ('mine', ?, 'http://example.com', '["*"]', '', 'active', '', '', 0, 0, 1, 1, 0)
  `).run(webhook);
  const numbers = `
    with recursive numbers (number) as (
      select 0
      union all
      select number + 1
      from numbers
      where number + 1 < ${count}
    )`;
  db.prepare(`
    ${numbers}
    insert into events (account_id, id, type, created_at, body)
    select 'mine', ${ID}, 'user.created', number, '{}'
    from numbers
  `).run(webhook);
  db.prepare(`
    ${numbers}
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at, attempt_count, sent_at)
    select 'mine', ${ID}, ?1, ${ID}, 'user.created', 'schedule',
      'pending', number, number, number % 2, iif(number % 2 = 1, ${SETTING_MS_MAX} + number, null)
    from numbers
  `).run(webhook);
}
