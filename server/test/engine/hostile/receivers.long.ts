import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seeded } from '../../core/support/seeded.ts';
import { KINDS } from './support/kinds.ts';
import { openTransport } from './support/open-transport.ts';
import { sendToRandom } from './support/random-answers.ts';
import { startRawReceiver } from './support/raw-receiver.ts';

const TIMES = 50;

describe(`${TIMES} exchanges at once end as one does, when the receiver`, () => {
  for (const { name, behave, expected, options } of KINDS) {
    test(name, async (t) => {
      const receiver = await startRawReceiver(t, behave);
      const transport = openTransport(t);
      const exchanges = Array.from({ length: TIMES }, () => transport.send(receiver.url, options));
      for (const exchange of await Promise.all(exchanges)) {
        const { kind, note } = exchange as { kind: string; note: unknown };
        assert.deepEqual({ kind, note }, { kind: expected.kind, note: expected.note });
      }
      await receiver.allClosed();
    });
  }
});

test('50,000 answers of random bytes end an exchange, and nothing else', async (t) => {
  const outcomes = await sendToRandom(t, seeded(t), 50_000);
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
  assert.equal(outcomes.get('connection_failed'), undefined);
});
