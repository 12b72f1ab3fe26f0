import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { covers } from '../../../src/core/event-types.ts';
import { createIds, type NewId } from '../../../src/core/ids.ts';
import {
  type Attempt,
  DEFAULT_WEBHOOK_SETTINGS,
  type Delivery,
  type EventType,
  type Webhook,
} from '../../../src/core/model.ts';
import type {
  DueDelivery,
  DueRequest,
  NewEvent,
  NewEvents,
  OnceResult,
  Settlement,
  Store,
} from '../../../src/core/ports.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { openFor, type StoreUnderTest } from './store-under-test.ts';

/** Far more than any test makes. */
export const NO_LIMIT = 1_000_000;

/** The moment at which a test begins; it goes on by a second with each thing that is made. */
export const BEGIN = Date.UTC(2023, 11, 1, 15, 30);

/** An event type that nothing more is said of. */
export function bareType(name: string, description = name): EventType {
  return { name, description, schema: null, example: null };
}

/** A store with two accounts, and short ways to fill it. */
export interface World {
  store: Store;
  handedOver: DueDelivery[][];
  mine: Account;
  theirs: Account;
  newId: NewId;
  /** A second later each time. */
  tick(): number;
  reopen(): Promise<World>;
}

/** What one account may do, with values for everything that a test does not care about. */
export interface Account {
  id: string;
  webhook(fields?: Partial<Webhook>): Promise<Webhook>;
  /** Events of this account, matched against its webhooks of now; accepted. */
  publish(...events: readonly EventFields[]): Promise<NewEvent[]>;
  /** The same, but not sent. */
  newEvents(...events: readonly EventFields[]): Promise<NewEvents>;
  /** One event, and the delivery of it that was handed over to that webhook. */
  pending(webhook: Webhook, fields?: EventFields): Promise<DueDelivery>;
  delivery(id: string): Promise<Delivery>;
  due(webhook: Webhook, request?: Partial<DueRequest>): ReturnType<Store['due']>;
}

export interface EventFields {
  id?: string;
  type?: string;
  createdAt?: number;
  body?: string;
}

export async function openWorld(t: TestContext, under: StoreUnderTest): Promise<World> {
  const opened = await openFor(t, under);
  let now = BEGIN;
  const tick = () => {
    now += 1_000;
    return now;
  };
  const clock = { now: () => now, monotonic: () => now, after: () => ({ cancel() {} }) };
  const newId = createIds({ clock, random: createRandom() });
  const ids = { mine: newId('account'), theirs: newId('account') };
  const world = (store: Store): World => {
    const { handedOver } = opened;
    const account = (id: string) => accountOf(id, { store, handedOver, newId, tick });
    const reopen = async () => world(await opened.reopen());
    const [mine, theirs] = [account(ids.mine), account(ids.theirs)];
    return { store, handedOver, mine, theirs, newId, tick, reopen };
  };
  for (const id of Object.values(ids)) {
    assert.equal(await opened.store.createAccount({ id, createdAt: tick() }), 'created');
  }
  return world(opened.store);
}

function accountOf(
  accountId: string,
  { store, handedOver, newId, tick }: Pick<World, 'store' | 'handedOver' | 'newId' | 'tick'>,
): Account {
  const newEvents: Account['newEvents'] = async (...events) => {
    const { version, webhooks } = await store.subscriptions(accountId);
    return {
      accountId,
      webhooksVersion: version,
      events: events.map((fields) => {
        const createdAt = fields.createdAt ?? tick();
        const event = { ...eventOf(accountId, newId('event'), createdAt), ...fields };
        const deliveries = webhooks
          .filter((webhook) => webhook.events.some((one) => covers(one, event.type)))
          .map((webhook) => ({ id: newId('delivery', event.id), webhookId: webhook.id }));
        return { ...event, deliveries };
      }),
    };
  };
  const publish: Account['publish'] = async (...events) => {
    const wanted = await newEvents(...events);
    assert.equal(resultOf(await store.publish(wanted)), 'accepted');
    return [...wanted.events];
  };

  return {
    id: accountId,
    newEvents,
    publish,
    async webhook(fields = {}) {
      const webhook = webhookOf(accountId, newId('webhook'), tick());
      const wanted = { ...webhook, ...fields };
      assert.equal(
        resultOf(await store.createWebhook(wanted, { perAccountMax: 1_000 })),
        'created',
      );
      return wanted;
    },
    async pending(webhook, fields = {}) {
      const [event] = await publish(fields);
      const made = handedOver.flat().find((one) => {
        return one.event.id === event?.id && one.webhookId === webhook.id;
      });
      assert.ok(made, 'the webhook gets the event');
      return made;
    },
    async delivery(id) {
      const found = await store.getDelivery(accountId, id);
      assert.ok(found, 'the account has this delivery');
      return found.delivery;
    },
    due(webhook, request = {}) {
      const ref = { accountId, webhookId: webhook.id };
      const all = { dueBefore: NO_LIMIT * BEGIN, limit: NO_LIMIT, bytesMax: NO_LIMIT, except: [] };
      return store.due({ ...ref, ...all, ordering: 'none', ...request });
    },
  };
}

/** A webhook for everything, its members unlike those of any other. */
export function webhookOf(accountId: string, id: string, createdAt: number): Webhook {
  return {
    accountId,
    id,
    url: `https://example.com/${id}`,
    events: ['*'],
    description: `Webhook ${id}`,
    status: 'active',
    disabledReason: null,
    secretSealed: `sealed ${id}`,
    secretHint: id.slice(-4),
    rotation: null,
    heldUntil: null,
    settings: DEFAULT_WEBHOOK_SETTINGS,
    createdAt,
    updatedAt: createdAt,
  };
}

export function eventOf(accountId: string, id: string, createdAt: number) {
  const type = 'user.created';
  return { accountId, id, type, createdAt, body: `{"id":"${id}"}` };
}

/** An attempt that the receiver answered with 200. */
export function attemptOf(id: string, fields: Partial<Attempt> = {}): Attempt {
  return {
    id,
    number: 1,
    startedAt: BEGIN,
    responseCode: 200,
    responseTimeMs: 12,
    responseBody: 'OK',
    failure: null,
    note: null,
    ...fields,
  };
}

/** An attempt that the receiver answered with 500. */
export function failedAttemptOf(id: string, fields: Partial<Attempt> = {}): Attempt {
  return attemptOf(id, { responseCode: 500, failure: 'http_status', ...fields });
}

/** A settlement of a delivery as it was handed over: delivered, unless the fields say otherwise. */
export function settlementOf(
  delivery: DueDelivery,
  attempt: Attempt,
  fields: Partial<Settlement> = {},
): Settlement {
  const { seq, accountId, webhookId, id: deliveryId } = delivery;
  const what = { attempt, firstTry: null, status: 'delivered', dueAt: null } as const;
  return { seq, epoch: 1, accountId, webhookId, deliveryId, ...what, ...fields };
}

/** What came of a call that was not made before. */
export function resultOf<Result>(once: OnceResult<Result>): Result {
  if (!('result' in once)) throw new assert.AssertionError({ message: 'it was made before' });
  return once.result;
}

export function idsOf(items: readonly { id: string }[]): string[] {
  return items.map(({ id }) => id);
}
