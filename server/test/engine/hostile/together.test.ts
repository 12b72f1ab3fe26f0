import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seeded } from '../../core/support/seeded.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { within } from '../../support/until.ts';
import { KINDS } from './support/kinds.ts';
import { openTransport } from './support/open-transport.ts';
import { sendToRandom } from './support/random-answers.ts';
import { answering, startRawReceiver } from './support/raw-receiver.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BESIDE = 4;
const MIB = 1_024 * 1_024;

test('a healthy receiver is not delayed by all hostile ones at once', async (t) => {
  const transport = openTransport(t);
  const hostile = await startHostile(t);
  const healthy = await startRawReceiver(t, answering(OK));
  let isOver = false;
  const attack = Promise.all(
    hostile.flatMap(({ url, kind }) =>
      Array.from({ length: BESIDE }, () => transport.send(url, kind.options)),
    ),
  ).finally(() => {
    isOver = true;
  });
  const tookMs: number[] = [];
  while (!isOver) {
    const beganAt = performance.now();
    const exchange = await transport.send(healthy.url);
    assert.ok(exchange.kind === 'response' && exchange.status === 200 && exchange.note === null);
    tookMs.push(performance.now() - beganAt);
  }
  const outcomes = await attack;
  assert.equal(outcomes.filter(({ kind }) => kind === 'not_sent').length, 0);
  tookMs.sort((a, b) => a - b);
  const median = tookMs[tookMs.length >> 1] ?? Number.NaN;
  const p99 = tookMs[Math.floor(tookMs.length * 0.99)] ?? Number.NaN;
  t.diagnostic(`${tookMs.length} healthy exchanges: median ${median} ms, p99 ${p99} ms`);
  assert.ok(tookMs.length > 50, `only ${tookMs.length} exchanges`);
  assert.ok(median < 20 && p99 < 250, `median ${median} ms, p99 ${p99} ms`);
});

test('memory and descriptors are the same after many hostile exchanges', async (t) => {
  const transport = openTransport(t);
  const hostile = await startHostile(t);
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      await Promise.all(hostile.map(({ url, kind }) => transport.send(url, kind.options)));
    }
    await new Promise(setImmediate);
  };
  await rounds(4);
  const before = usage();
  await rounds(12);
  const after = usage();
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
  assert.ok(after.descriptors <= before.descriptors, 'descriptors');
  assert.ok(after.heapMib - before.heapMib < 1, 'heap');
  assert.ok(after.outsideMib - before.outsideMib < 8, 'buffers');
});

test('answers of random bytes end an exchange, and nothing else', async (t) => {
  const outcomes = await sendToRandom(t, seeded(t), 3_000);
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
  const expected = ['response', 'body_cut', 'malformed_response', 'connection_reset', 'timeout'];
  for (const what of expected) assert.ok((outcomes.get(what) ?? 0) > 0, what);
  assert.equal(outcomes.get('connection_failed'), undefined);
});

async function startHostile(cleanup: Cleanup) {
  const child = fork(new URL('support/hostile-process.ts', import.meta.url));
  cleanup.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [urls] = (await within('hostile receivers listen', once(child, 'message'))) as [string[]];
  return KINDS.map((kind, index) => ({ kind, url: new URL(urls[index] ?? '') }));
}

function usage(): { heapMib: number; outsideMib: number; descriptors: number } {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return {
    heapMib: heapUsed / MIB,
    outsideMib: external / MIB,
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
