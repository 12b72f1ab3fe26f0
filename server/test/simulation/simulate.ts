import type { Webhook, WebhookSettings } from '../../src/core/model.ts';
import { settled } from '../engine/support/fake-clock.ts';
import { type Chance, createChance } from './chance.ts';
import { EVERYTHING_ENDS_MS, judge, type Verdict } from './invariants.ts';
import { MOODS } from './network.ts';
import { FAIR } from './simulated-store.ts';
import { openWorld, refOf, type World } from './world.ts';

const OPERATIONS_MAX = 60;
const WEBHOOKS_MAX = 6;
const IDLE_ROUNDS_MAX = 10;

/** One life of a world: a script out of the seed, then fair weather until everything has ended. */
export async function simulate(seed: number): Promise<Verdict & { trace: string }> {
  const chance = createChance(seed);
  const world = await openWorld(chance);
  try {
    const count = chance.between(1, WEBHOOKS_MAX);
    for (let index = 0; index < count; index++) await addWebhook(world);
    const operations = chance.between(10, OPERATIONS_MAX);
    for (let index = 0; index < operations; index++) {
      await chance.pick(OPERATIONS)(world);
      await world.clock.advance(chance.pick([0, 0, 5, 50, 500, 3_000, 20_000]));
    }
    await becomeFair(world);
    return { ...(await judge(world)), trace: world.trace() };
  } finally {
    await world.close();
  }
}

async function addWebhook(world: World): Promise<void> {
  const { chance } = world;
  const events = chance.pick([
    ['*'],
    ['user.*'],
    ['user.created'],
    ['project.created', 'user.updated'],
  ]);
  await world.addWebhook(someSettings(chance), events);
}

function someSettings(chance: Chance): Partial<WebhookSettings> {
  return {
    ordering: chance.happens(0.3) ? 'strict' : 'none',
    rateLimit: chance.happens(0.25)
      ? { max: chance.between(1, 8), perMs: chance.pick([1_000, 5_000, 60_000]) }
      : null,
    concurrencyMax: chance.happens(0.2) ? chance.between(1, 4) : null,
    onGone: chance.happens(0.2) ? 'disable' : null,
  };
}

/** Weights by repetition. */
const OPERATIONS: readonly ((world: World) => Promise<void>)[] = [
  publish,
  publish,
  publish,
  publish,
  changeMood,
  changeMood,
  changeMood,
  changeMood,
  changeWeather,
  pauseOrResume,
  move,
  rotate,
  changeSettings,
  disableAndRecover,
  cancelOne,
  redeliverOne,
  test,
  removeOne,
  crash,
  crashBehindCommit,
  setClock,
];

async function publish(world: World): Promise<void> {
  await world.publish(world.chance.pick([1, 1, 2, 5, 20, 60]));
}

async function changeMood(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook !== undefined) world.network.setMood(webhook.url, world.chance.pick(MOODS));
}

async function changeWeather(world: World): Promise<void> {
  const { chance } = world;
  world.sky.weather = chance.happens(0.5)
    ? FAIR
    : {
        slow: chance.fraction(),
        slowMsMax: chance.between(1, 800),
        failing: chance.pick([0, 0, 0.1, 0.7]),
      };
}

async function pauseOrResume(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined || webhook.status === 'disabled') return;
  await world.change(webhook, { status: webhook.status === 'active' ? 'paused' : 'active' });
}

async function move(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined) return;
  world.endsHolds.add(webhook.id);
  await world.change(webhook, { url: `https://example.com/${world.newId('webhook')}` });
}

async function rotate(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined) return;
  await world.rotate(webhook, world.chance.happens(0.8) ? 3_600_000 : null);
}

async function changeSettings(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined || world.chance.happens(0.5)) return;
  world.changesSettings.add(webhook.id);
  await world.change(webhook, { settings: someSettings(world.chance) });
}

async function disableAndRecover(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined) return;
  await world.change(webhook, { status: 'disabled', disabledReason: 'owner' });
  if (world.chance.happens(0.5)) await world.publish(world.chance.between(1, 10));
  await world.clock.advance(world.chance.below(2_000));
  await world.change(webhook, { status: 'active', disabledReason: null });
  await world.recover(webhook);
}

async function cancelOne(world: World): Promise<void> {
  const pending = await somePending(world);
  if (pending !== undefined) await world.cancel(pending);
}

async function redeliverOne(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined) return;
  const deliveries = await world.deliveriesOf(webhook);
  if (deliveries.length === 0) return;
  const { accountId, id: deliveryId } = world.chance.pick(deliveries);
  const newId = world.newId('delivery');
  await world.store.redeliver({ accountId, deliveryId, newId, createdAt: world.clock.now() });
}

async function test(world: World): Promise<void> {
  const webhook = someWebhook(world);
  if (webhook === undefined) return;
  world.endsHolds.add(webhook.id);
  const { accountId, id: webhookId } = webhook;
  const id = world.newId('testEvent');
  const event = { accountId, id, type: 'webhook.test', createdAt: world.clock.now(), body: '{}' };
  const deliveryId = world.newId('delivery');
  world.engine.test({ event, deliveryId, webhookId }).catch(() => {});
  await settled();
}

async function removeOne(world: World): Promise<void> {
  if (world.webhooks.length > 1 && world.chance.happens(0.3)) {
    await world.remove(world.chance.pick(world.webhooks));
  }
}

async function crash(world: World): Promise<void> {
  if (world.chance.happens(0.6)) await world.crash();
}

async function crashBehindCommit(world: World): Promise<void> {
  if (world.chance.happens(0.6)) await world.crash({ losesHandOver: true });
}

async function setClock(world: World): Promise<void> {
  if (!world.chance.happens(0.15)) return;
  world.hasJumped = true;
  world.clock.set(world.clock.now() + world.chance.between(-3_600_000, 3_600_000));
}

/** No fault any more; every webhook is active, and every receiver well. */
async function becomeFair(world: World): Promise<void> {
  world.sky.weather = FAIR;
  for (const webhook of world.webhooks) {
    // Changes of now would hide what earlier ones left behind: only what needs it is changed.
    if (webhook.status !== 'active') {
      await world.change(webhook, { status: 'active', disabledReason: null });
    }
    world.network.setMood(webhook.url, 'well');
  }
  const rounds = world.hasJumped ? 40 : 1;
  for (let round = 0; round < rounds; round++) await world.clock.advance(EVERYTHING_ENDS_MS);
  // A low rate takes its time: it goes on as long as something is sent.
  for (let idle = 0; idle < IDLE_ROUNDS_MAX && (await somePending(world)) !== undefined; idle++) {
    const before = world.network.seen.length;
    await world.clock.advance(60_000);
    if (world.network.seen.length > before) idle = 0;
  }
}

function someWebhook({ chance, webhooks }: World): Webhook | undefined {
  return webhooks.length === 0 ? undefined : chance.pick(webhooks);
}

async function somePending(world: World) {
  for (const webhook of world.webhooks) {
    const { items } = await world.store.listDeliveries(
      webhook.accountId,
      { webhookId: refOf(webhook).webhookId, status: 'pending' },
      { limit: 5 },
    );
    if (items.length > 0) return world.chance.pick(items);
  }
  return undefined;
}
