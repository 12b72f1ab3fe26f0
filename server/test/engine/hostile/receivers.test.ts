import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KINDS } from './support/kinds.ts';
import { openTransport } from './support/open-transport.ts';
import { startRawReceiver } from './support/raw-receiver.ts';

const SOON_MS = 1_500;

describe('an exchange ends as it should, soon, and its connection is closed, when the receiver', () => {
  for (const { name, behave, expected, options, withinMs = SOON_MS } of KINDS) {
    test(name, async (t) => {
      const receiver = await startRawReceiver(t, behave);
      const transport = openTransport(t);
      const beganAt = performance.now();
      const exchange = await transport.send(receiver.url, options);
      const tookMs = performance.now() - beganAt;
      const told = Object.keys(expected).map((key) => [
        key,
        exchange[key as keyof typeof exchange],
      ]);
      assert.deepEqual(Object.fromEntries(told), expected);
      assert.ok(tookMs < withinMs, `${tookMs} ms`);
      await receiver.allClosed();
      // At once, and not as one that has been idle for long enough.
      assert.ok(performance.now() - beganAt - tookMs < 1_000);
      assert.equal(receiver.connections(), 1);
    });
  }
});
