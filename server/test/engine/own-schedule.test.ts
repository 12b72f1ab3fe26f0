import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROKEN } from './support/fake-transport.ts';
import { expectOne, withSettings } from './support/steps.ts';
import { openWorld } from './support/world.ts';

const DAY_MS = 86_400_000;

test('a schedule of one step is one attempt', async (t) => {
  const world = await openWorld(t);
  world.transport.answering = () => BROKEN;
  const webhook = await world.webhook(withSettings({ retrySchedule: [0] }));
  await world.publish();
  await world.clock.advance(30 * DAY_MS);
  assert.equal(world.transport.sent.length, 1);
  assert.equal(expectOne(await world.deliveriesOf(webhook)).status, 'failed');
});

test('a schedule of twenty steps is twenty attempts, each after its own wait', async (t) => {
  const world = await openWorld(t);
  const moments: number[] = [];
  world.transport.answering = () => {
    moments.push(world.clock.monotonic());
    return BROKEN;
  };
  const waits = Array.from({ length: 20 }, (_, step) => step * 7_000);
  await world.webhook(withSettings({ retrySchedule: waits }));
  await world.publish();
  await world.clock.advance(DAY_MS);
  assert.equal(moments.length, 20);
  for (let step = 1; step < 20; step++) {
    const waited = (moments[step] ?? 0) - (moments[step - 1] ?? 0);
    const wait = waits[step] ?? 0;
    assert.ok(waited >= wait && waited <= wait * 1.1, `${waited} ms for ${wait}`);
  }
});

test('webhooks with schedules of their own do not disturb each other, nor those without', async (t) => {
  const world = await openWorld(t, { settings: { schedule: [0, 1_000, 1_000] } });
  world.transport.answering = () => BROKEN;
  const [one, two, other] = [
    await world.webhook(withSettings({ retrySchedule: [0] })),
    await world.webhook(withSettings({ retrySchedule: [0, 60_000] })),
    await world.webhook(),
  ];
  await world.publish();
  await world.clock.advance(DAY_MS);
  const attempts = [one, two, other].map(
    ({ url }) => world.transport.sent.filter((sent) => sent.url === url).length,
  );
  assert.deepEqual(attempts, [1, 2, 3]);
});

test('a schedule that is changed holds from the next attempt that ends', async (t) => {
  const world = await openWorld(t);
  world.transport.answering = () => BROKEN;
  const webhook = await world.webhook(withSettings({ retrySchedule: [0, 10_000, 10_000] }));
  await world.publish();
  await world.patch(webhook, { settings: { retrySchedule: [0, 5_000] } });
  await world.clock.advance(9_999);
  assert.equal(world.transport.sent.length, 1, 'it keeps the due time that it has');
  await world.clock.advance(2_000);
  assert.equal(world.transport.sent.length, 2);
  assert.equal(expectOne(await world.deliveriesOf(webhook)).status, 'failed');
});
