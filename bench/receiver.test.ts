import assert from 'node:assert/strict';
import test from 'node:test';
import { monotonicMs } from './support/monotonic.ts';
import { Receiver } from './support/processes.ts';

const LIMIT_MS = 10_000;

test('the receiver counts what arrives twice and tells what does not arrive', async () => {
  await using receiver = new Receiver();
  await receiver.process.call('configure', { first: 5, count: 3 });
  const origin = await receiver.origin();

  for (const sequence of [5, 7, 7, 4, 8]) await send(`${origin}/webhooks/0`, sequence);

  const counts = await receiver.process.call('counts', undefined);
  assert.deepEqual([counts.count, counts.duplicates], [2, 1]);
  const arrivals = await receiver.process.call('arrivalTimes', undefined);
  assert.deepEqual([...arrivals].map(Number.isNaN), [false, true, false]);
});

test('a path decides whether the receiver answers at once, later or never', async () => {
  await using receiver = new Receiver();
  const [atOnce, later, never] = await receiver.origins(3);
  const beganAt = monotonicMs();
  assert.equal((await send(`${atOnce}/delay/0/`, 1)).status, 200);
  assert.equal((await send(`${later}/delay/80/`, 2)).status, 200);
  assert.ok(monotonicMs() - beganAt >= 79);

  const giveUp = new AbortController();
  const unanswered = send(`${never}/hang/`, 3, giveUp.signal);
  const wanted = { what: 'hung' as const, count: 1, limitMs: LIMIT_MS };
  const { hung, count } = await receiver.process.call('waitFor', wanted);
  assert.deepEqual([hung, count], [1, 2]);
  giveUp.abort();
  await assert.rejects(unanswered, { name: 'AbortError' });
});

test('a wait for what does not arrive ends at its limit', async () => {
  await using receiver = new Receiver();
  const wanted = { what: 'count' as const, count: 1, limitMs: 20 };
  assert.equal((await receiver.process.call('waitFor', wanted)).count, 0);
});

async function send(url: string, sequence: number, signal?: AbortSignal): Promise<Response> {
  const body = `{"data":{"sequence":"${String(sequence).padStart(10, '0')}"}}`;
  return await fetch(url, { method: 'POST', body, ...(signal && { signal }) });
}
