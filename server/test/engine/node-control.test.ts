import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACKNOWLEDGE_MS_MAX } from '../../src/core/acknowledgement.ts';
import type { Control } from '../../src/core/ports.ts';
import { createNodeControl } from '../../src/engine/nodes/node-control.ts';
import { createFakeClock } from './support/fake-clock.ts';

const WEBHOOK = { accountId: 'acc_1', webhookId: 'wh_1' };
const CALLS: [name: string, call: (control: Control) => Promise<void>][] = [
  ['a change', (control) => control.webhookChanged(WEBHOOK)],
  ['a cancellation', (control) => control.deliveryCancelled(WEBHOOK, 'del_1')],
  ['a recovery', (control) => control.recoveryCreated(WEBHOOK, 'rec_1')],
];

for (const [name, call] of CALLS) {
  describe(`${name} of a webhook`, () => {
    test('whose shard is owned here is for the engine here', async () => {
      const world = open({ serves: true, owns: true });
      await call(world.control);
      assert.deepEqual(world.asked, ['engine']);
    });

    test('that another node owns is acknowledged when that one has heard of it', async () => {
      const world = open({ serves: false, owns: false });
      world.knownAfter = 4;
      const done = call(world.control);
      await world.clock.advance(150);
      await done;
      assert.deepEqual(world.asked, Array(4).fill('store'));
    });

    test('that is not heard of in time is pending', async () => {
      const world = open({ serves: false, owns: false });
      world.knownAfter = Number.POSITIVE_INFINITY;
      const refused = assert.rejects(call(world.control), { code: 'change_pending' });
      await world.clock.advance(ACKNOWLEDGE_MS_MAX);
      await refused;
      assert.equal(world.clock.timers, 0);
    });

    test('whose shard is leaving, or was taken perhaps, is for the engine here, and for its next owner', async () => {
      const world = open({ serves: true, owns: false });
      await call(world.control);
      assert.deepEqual(world.asked, ['engine', 'store']);
    });
  });
}

test('A test call is sent from wherever it was asked for', async () => {
  const world = open({ serves: false, owns: false });
  const event = { accountId: 'acc_1', id: 'evt_1', type: 'webhook.test', createdAt: 0, body: '{}' };
  await world.control.test({ event, deliveryId: 'del_1', webhookId: 'wh_1' });
  assert.deepEqual(world.asked, ['engine']);
});

function open({ serves, owns }: { serves: boolean; owns: boolean }) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const engine = async () => void asked.push('engine');
  const world = { clock, asked, knownAfter: 1 };
  const control = createNodeControl({
    local: {
      webhookChanged: engine,
      deliveryCancelled: engine,
      recoveryCreated: engine,
      async test() {
        await engine();
        return null;
      },
    },
    node: { serves: () => serves, owns: () => owns },
    ownership: {
      async isChangeKnown() {
        return asked.push('store') >= world.knownAfter;
      },
    },
    clock,
  });
  return Object.assign(world, { control });
}
