import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DatabaseFault } from '../../src/store/postgres/faults.ts';
import { createFloors } from '../../src/store/postgres/floors.ts';

test('A read of what is due whose connection is lost leaves no failure that nobody hears of', async (t) => {
  const listening = new AbortController();
  t.after(() => listening.abort());
  const unheard = once(process, 'unhandledRejection', { signal: listening.signal });
  const lose = async (): Promise<never> => {
    throw new DatabaseFault('lost', 'Query read timeout', { cause: null });
  };
  const transaction = { rows: lose, run: lose, pending: [], events: 0, leftWakes: false };

  createFloors().reading(transaction, { accountId: 'acc_1', webhookId: 'wh_1' });

  assert.equal(await Promise.race([unheard, turn('none')]), 'none');
});
