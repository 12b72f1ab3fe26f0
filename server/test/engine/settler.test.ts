import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Settlement, Store } from '../../src/core/ports.ts';
import { Settler } from '../../src/engine/settler.ts';
import { attemptOf } from '../store/contract/fixtures.ts';
import { createFakeClock, settled } from './support/fake-clock.ts';
import { announcementsInto, nothingHeard } from './support/world.ts';

describe('settlements', () => {
  test('are written one batch at a time: while one is committed the next gathers', async () => {
    const { settler, calls, done } = openSettler();
    for (let seq = 0; seq < 2; seq++) add(settler, seq, done);
    assert.equal(calls.length, 0, 'more may end in this turn of the event loop');
    await settled();
    for (let seq = 2; seq < 5; seq++) add(settler, seq, done);
    await settled();
    assert.deepEqual(seqsOf(calls), [[0, 1]]);
    calls[0]?.resolve();
    await settled();
    assert.deepEqual(seqsOf(calls), [
      [0, 1],
      [2, 3, 4],
    ]);
    assert.deepEqual(done, [0, 1], 'only what was committed is done');
    calls[1]?.resolve();
    await settled();
    assert.deepEqual(done, [0, 1, 2, 3, 4]);
    assert.equal(settler.count, 0);
  });

  test('are at most 1,000 in a batch', async () => {
    const { settler, calls, done } = openSettler();
    for (let seq = 0; seq < 2_002; seq++) add(settler, seq, done);
    for (let call = 0; call < 3; call++) {
      await settled();
      calls[call]?.resolve();
    }
    await settled();
    assert.deepEqual(
      calls.map(({ settlements }) => settlements.length),
      [1_000, 1_000, 2],
    );
    assert.deepEqual(
      done,
      done.map((_, seq) => seq),
    );
  });

  test('that come while others are done are written too', async () => {
    const { settler, calls, done } = openSettler();
    settler.add(settlement(0), () => add(settler, 1, done));
    await settled();
    calls[0]?.resolve();
    await settled();
    calls[1]?.resolve();
    await settled();
    assert.deepEqual(done, [1]);
  });
});

describe('a store that cannot be written', () => {
  test('gets the same settlements again after a pause, and what came meanwhile behind them', async () => {
    const { settler, calls, done, clock, heard } = openSettler();
    add(settler, 0, done);
    await settled();
    calls[0]?.reject(new Error('full'));
    await settled();
    add(settler, 1, done);
    assert.equal(heard.settleFailed, 1);
    assert.equal(calls.length, 1, 'nothing is written during the pause');
    await clock.advance(249);
    assert.equal(calls.length, 1);
    await clock.advance(1);
    assert.deepEqual(seqsOf(calls), [[0], [0, 1]]);
    calls[1]?.resolve();
    await settled();
    assert.deepEqual(done, [0, 1]);
  });

  test('is asked until it can, and nothing is lost or written twice', async () => {
    const { settler, calls, done, clock, heard } = openSettler();
    for (let seq = 0; seq < 3; seq++) add(settler, seq, done);
    await settled();
    for (let call = 0; call < 20; call++) {
      calls[call]?.reject(new Error('full'));
      await clock.advance(250);
    }
    assert.equal(heard.settleFailed, 20);
    assert.deepEqual(done, []);
    assert.equal(settler.count, 3);
    calls[20]?.resolve();
    await settled();
    assert.deepEqual(done, [0, 1, 2]);
    assert.equal(calls.length, 21);
  });

  test('stops new exchanges until it was written, then tells once that they may go on', async () => {
    const { settler, calls, done, clock, resumed } = openSettler();
    add(settler, 0, done);
    assert.equal(settler.isStuck, false);
    await settled();
    calls[0]?.reject(new Error('full'));
    await settled();
    assert.equal(settler.isStuck, true);
    await clock.advance(250);
    assert.equal(settler.isStuck, true, 'it is not known yet whether it can be written');
    assert.equal(resumed.count, 0);
    calls[1]?.resolve();
    await settled();
    assert.equal(settler.isStuck, false);
    assert.equal(resumed.count, 1);
  });
});

describe('a store that is slow', () => {
  test('stops new exchanges when too much waits for it', async () => {
    const { settler, calls, done, resumed } = openSettler();
    add(settler, 0, done);
    await settled();
    for (let seq = 1; seq < 4_000; seq++) add(settler, seq, done);
    assert.equal(settler.isStuck, false);
    add(settler, 4_000, done);
    assert.equal(settler.isStuck, true);
    calls[0]?.resolve();
    await settled();
    assert.equal(settler.isStuck, false, 'the next batch has been taken out');
    assert.equal(resumed.count, 1);
  });
});

describe('drain', () => {
  test('ends at once when nothing waits', async () => {
    const { settler } = openSettler();
    assert.equal(await settler.drain(1_000), 0);
  });

  test('waits until everything is written', async () => {
    const { settler, calls, done, clock } = openSettler();
    for (let seq = 0; seq < 3; seq++) add(settler, seq, done);
    const drained = settler.drain(1_000);
    await settled();
    add(settler, 3, done);
    calls[0]?.resolve();
    await settled();
    calls[1]?.resolve();
    assert.equal(await drained, 0);
    assert.equal(clock.timers, 0);
  });

  test('waits for a store that comes back in time', async () => {
    const { settler, calls, done, clock } = openSettler();
    add(settler, 0, done);
    await settled();
    calls[0]?.reject(new Error('full'));
    await settled();
    const drained = settler.drain(1_000);
    await clock.advance(250);
    calls[1]?.resolve();
    assert.equal(await drained, 0);
  });

  test('gives up at its limit and counts what is being written too', async () => {
    const { settler, done, clock } = openSettler();
    for (let seq = 0; seq < 3; seq++) add(settler, seq, done);
    const drained = settler.drain(1_000);
    await clock.advance(1_000);
    assert.equal(await drained, 3);
  });
});

interface Call {
  settlements: readonly Settlement[];
  resolve(): void;
  reject(error: Error): void;
}

function openSettler() {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const heard = nothingHeard();
  const resumed = { count: 0 };
  const settle: Store['settle'] = (settlements) => {
    const { promise, resolve, reject } = Promise.withResolvers<'settled'[]>();
    calls.push({ settlements, resolve: () => resolve(settlements.map(() => 'settled')), reject });
    return promise;
  };
  const ports = { store: { settle } as Store, clock, announcements: announcementsInto(heard) };
  const settler = new Settler(ports, () => {
    resumed.count += 1;
  });
  const done: number[] = [];
  return { settler, calls, done, clock, heard, resumed };
}

function add(settler: Settler, seq: number, done: number[]): void {
  settler.add(settlement(seq), () => done.push(seq));
}

function settlement(seq: number): Settlement {
  return {
    seq,
    epoch: 1,
    accountId: 'acc_1',
    webhookId: 'wh_1',
    deliveryId: `del_${seq}`,
    attempt: attemptOf(`att_${seq}`),
    firstTry: null,
    status: 'delivered',
    dueAt: null,
  };
}

function seqsOf(calls: readonly Call[]): number[][] {
  return calls.map(({ settlements }) => settlements.map(({ seq }) => seq));
}
