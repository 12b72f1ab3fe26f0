import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../../../src/core/ids.ts';
import type { Webhook } from '../../../src/core/model.ts';
import type {
  DueDelivery,
  NewEvents,
  Ownership,
  Store,
  WebhookRef,
} from '../../../src/core/ports.ts';
import { SHARDS, shardOf } from '../../../src/core/shards.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { believing } from '../../../src/store/postgres/believing.ts';
import { openPostgresStore } from '../../../src/store/postgres/store.ts';
import { migratedDatabase } from '../../support/postgres.ts';
import { eventOf, resultOf, webhookOf } from '../contract/fixtures.ts';

/** Longer than any test. */
const LONG_MS = 600_000;

/** A node as the database sees it: connections, a lease, and what was handed over to it. */
export interface Node {
  id: string;
  store: Store;
  ownership: Ownership;
  handedOver: DueDelivery[];
  /** Renews the lease. */
  live(): ReturnType<Ownership['renew']>;
  /** Lets the lease end, by the database's clock; the node itself hears nothing of it. */
  fall(): Promise<void>;
  /** Renews and takes whatever is free. */
  takeAll(): ReturnType<Ownership['take']>;
  publish(...webhooks: readonly Webhook[]): Promise<string[]>;
}

export interface Cluster {
  url: string;
  nodes: Node[];
  newId: NewId;
  /** A webhook whose deliveries belong to this shard, or to any. */
  webhook(shard?: number): Promise<Webhook>;
}

export async function openNodes(t: TestContext, names: readonly string[]): Promise<Cluster> {
  const { url, drop } = await migratedDatabase();
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const nodes: Node[] = [];
  t.after(async () => {
    for (const { store } of nodes) await store.close();
    await drop();
  });
  for (const name of names) nodes.push(await openNode(name, url, newId));
  const [first = assert.fail('a cluster has nodes')] = nodes;
  return {
    url,
    nodes,
    newId,
    async webhook(shard) {
      let id = newId('webhook');
      while (shard !== undefined && shardOf(id) !== shard) id = newId('webhook');
      const made = webhookOf(DEFAULT_ACCOUNT_ID, id, systemClock.now());
      const said = await first.store.createWebhook(made, { perAccountMax: 1_000 });
      assert.equal(resultOf(said), 'created');
      return made;
    },
  };
}

async function openNode(id: string, url: string, newId: NewId): Promise<Node> {
  const handedOver: DueDelivery[] = [];
  const handOver = (deliveries: DueDelivery[]) => handedOver.push(...deliveries);
  const owned = new Map<number, number>();
  const { store, ownership: port } = await openPostgresStore(url, {
    newId,
    owned,
    listen: null,
    handOver,
  });
  const ownership = believing(port, owned);
  const live = () => ownership.renew({ id, leaseMs: LONG_MS });
  return {
    id,
    store,
    ownership,
    handedOver,
    live,
    async fall() {
      await ownership.renew({ id, leaseMs: 0 });
    },
    async takeAll() {
      await live();
      return await ownership.take(id, SHARDS);
    },
    async publish(...webhooks) {
      const { version } = await store.subscriptions(DEFAULT_ACCOUNT_ID);
      const publish = { ...eventsFor(webhooks, newId), webhooksVersion: version };
      assert.equal(resultOf(await store.publish(publish)), 'accepted');
      return publish.events.flatMap(({ deliveries }) => deliveries.map((made) => made.id));
    },
  };
}

/** One event for each of these webhooks. */
function eventsFor(webhooks: readonly Webhook[], newId: NewId): Omit<NewEvents, 'webhooksVersion'> {
  return {
    accountId: DEFAULT_ACCOUNT_ID,
    events: webhooks.map(({ id }) => ({
      ...eventOf(DEFAULT_ACCOUNT_ID, newId('event'), systemClock.now()),
      deliveries: [{ id: newId('delivery'), webhookId: id }],
    })),
  };
}

export function refOf({ accountId, id }: Webhook): WebhookRef {
  return { accountId, webhookId: id };
}

/** The ids of everything that is pending for a webhook, as its owner reads it. */
export async function pendingOf({ store }: Node, webhook: Webhook): Promise<string[]> {
  const wide = { dueBefore: systemClock.now(), limit: 10_000, bytesMax: 100_000_000, except: [] };
  const { deliveries } = await store.due({ ...refOf(webhook), ordering: 'none', ...wide });
  return deliveries.map(({ id }) => id);
}
