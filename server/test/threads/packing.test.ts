import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { DueDelivery, NewEvents, Settlement } from '../../src/core/ports.ts';
import type { StoreCall } from '../../src/store/calls.ts';
import { answerStoreCalls, createStoreCaller } from '../../src/threads/store-channel.ts';

const EVENT = { id: 'evt_1', type: 'user.created', body: '{"name":"Zoë"}' };
const DELIVERY: DueDelivery = {
  ...{ seq: 5_000_000_000, accountId: 'acc_1', id: 'del_1', webhookId: 'wh_1', event: EVENT },
  ...{ trigger: 'schedule', attemptCount: 0, dueAt: 1_700_000_000_123 },
};
const OTHERS: DueDelivery[] = [
  { ...DELIVERY, seq: 2, id: 'del_2', webhookId: 'wh_2', trigger: 'manual', epoch: 3 },
  { ...DELIVERY, seq: 3, id: 'del_3', webhookId: 'wh_1', attemptCount: 4, dueAt: 1 },
  { ...DELIVERY, seq: 4, id: 'del_4', event: { ...EVENT, id: 'evt_2' }, trigger: 'test' },
];
const ATTEMPT: Settlement['attempt'] = {
  ...{ id: 'att_1', number: 2, startedAt: 1_700_000_000_124, responseCode: 503 },
  ...{ responseTimeMs: 12.25, responseBody: 'später', failure: 'http_status', note: 'resent' },
};
const SETTLEMENT: Settlement = {
  ...{ seq: 5_000_000_000, epoch: 7, accountId: 'acc_1', webhookId: 'wh_1', deliveryId: 'del_1' },
  ...{ attempt: ATTEMPT, firstTry: null, status: 'pending', dueAt: 1_700_000_060_000 },
};
const UNANSWERED: Settlement['attempt'] = {
  ...{ id: 'att_2', number: 1, startedAt: 1, responseCode: null, responseTimeMs: null },
  ...{ responseBody: null, failure: 'timeout', note: null },
};
const PUBLISHED = { accountId: 'acc_1', type: 'user.created', createdAt: 1_700_000_000_000 };
const ONCE: NewEvents['once'] = {
  ...{ key: 'k', fingerprint: 'f', status: 202, body: '{}', sealed: false },
  ...{ createdAt: 1, expiresAt: 2 },
};

test('what passes between a caller and the store arrives as it was', async () => {
  const { asked, caller, handOver, handedOver, end } = connect();
  const publish: NewEvents = {
    ...{ accountId: 'acc_1', webhooksVersion: null, once: ONCE },
    events: [
      { ...PUBLISHED, id: 'evt_1', body: '{"a":1}', deliveries: [] },
      {
        ...{ ...PUBLISHED, id: 'evt_2', body: '{"b":2}' },
        deliveries: [
          { id: 'del_1', webhookId: 'wh_1' },
          { id: 'del_2', webhookId: 'wh_2' },
        ],
      },
      { ...PUBLISHED, id: 'evt_3', body: '', deliveries: [{ id: 'del_3', webhookId: 'wh_1' }] },
    ],
  };
  const settlements = [
    SETTLEMENT,
    { ...SETTLEMENT, attempt: UNANSWERED, firstTry: ATTEMPT, status: 'failed', dueAt: null },
  ];
  const calls: StoreCall[] = [
    { operation: 'publish', args: [publish] },
    { operation: 'settle', args: [settlements] },
    { operation: 'settle', args: [[]] },
    { operation: 'due', args: [{ limit: 3 }] },
    { operation: 'getEvent', args: ['acc_1', 'evt_1'] },
  ];
  const answers = await Promise.all(calls.map(caller.call));
  assert.deepEqual(asked, calls);
  const due = { deliveries: [DELIVERY, ...OTHERS], more: true, nextDueAt: 17 };
  assert.deepEqual(answers, ['publish', 'settle', 'settle', due, 'getEvent']);

  handOver([DELIVERY, ...OTHERS]);
  handOver([]);
  await caller.call({ operation: 'check', args: [] });
  assert.deepEqual(handedOver, [[DELIVERY, ...OTHERS], []]);
  const [first, second, , other] = handedOver[0] ?? [];
  assert.equal(first?.event, second?.event, 'one event is one object');
  assert.notEqual(first?.event, other?.event);
  end();
});

test('a failure of the store arrives where it was asked', async () => {
  const { caller, end } = connect();
  const asked = caller.call({ operation: 'due', args: ['fails'] });
  await assert.rejects(asked, { message: 'no' });
  end();
});

function connect() {
  const { port1, port2 } = new MessageChannel();
  const asked: StoreCall[] = [];
  const handedOver: DueDelivery[][] = [];
  const handOver = answerStoreCalls(port1, (call, answer) => {
    asked.push(call);
    const [first] = call.args;
    if (first === 'fails') answer({ ok: false, error: new Error('no') });
    else if (call.operation !== 'due') answer({ ok: true, value: call.operation });
    else {
      const value = { deliveries: [DELIVERY, ...OTHERS], more: true, nextDueAt: 17 };
      answer({ ok: true, value });
    }
  });
  const caller = createStoreCaller(port2, (deliveries) => handedOver.push(deliveries));
  const end = () => port2.close();
  return { asked, caller, handOver, handedOver, end };
}
