import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Exchange } from '../../src/core/ports.ts';
import { Exchanges } from '../../src/engine/exchanges.ts';
import { createFakeClock, settled } from './support/fake-clock.ts';
import { createFakeTransport, OK } from './support/fake-transport.ts';

const TIMEOUT_MS = 1_000;
const REQUEST = { url: new URL('https://example.com/'), headers: [], body: new Uint8Array() };
const TIMED_OUT: Exchange = { kind: 'failure', failure: 'timeout', note: null };

describe('exchanges', () => {
  test('count until they have ended', async () => {
    const { exchanges, transport } = openExchanges();
    const ended: Exchange[] = [];
    for (let count = 0; count < 3; count++) exchanges.begin(REQUEST, (one) => ended.push(one));
    await settled();
    assert.equal(exchanges.count, 3);
    transport.sent[1]?.answer(OK);
    assert.equal(exchanges.count, 2);
    assert.deepEqual(ended, [OK]);
  });

  test('have one deadline each, a millisecond before which they go on', async () => {
    const { exchanges, clock } = openExchanges();
    const ended: Exchange[] = [];
    exchanges.begin(REQUEST, (one) => ended.push(one));
    await clock.advance(TIMEOUT_MS - 1);
    assert.deepEqual(ended, []);
    await clock.advance(1);
    assert.deepEqual(ended, [TIMED_OUT]);
    assert.equal(exchanges.count, 0);
  });

  test('expire in the order in which they began, each at its own time', async () => {
    const { exchanges, transport, clock } = openExchanges();
    const expired: [name: string, at: number][] = [];
    const begin = (name: string) =>
      exchanges.begin(REQUEST, () => expired.push([name, clock.monotonic()]));
    begin('a');
    await clock.advance(100);
    begin('b');
    begin('c');
    await clock.advance(100);
    begin('d');
    transport.sent[1]?.answer(OK);
    await clock.advance(TIMEOUT_MS * 2);
    assert.deepEqual(expired, [
      ['b', 200],
      ['a', 1_000],
      ['c', 1_100],
      ['d', 1_200],
    ]);
  });

  test('are watched again after all of them had ended', async () => {
    const { exchanges, transport, clock } = openExchanges();
    let ended = 0;
    exchanges.begin(REQUEST, () => ended++);
    await settled();
    transport.sent[0]?.answer(OK);
    await clock.advance(TIMEOUT_MS * 3);
    exchanges.begin(REQUEST, () => ended++);
    await clock.advance(TIMEOUT_MS - 1);
    assert.equal(ended, 1);
    await clock.advance(1);
    assert.equal(ended, 2);
  });

  test('need one timer, however many there are', () => {
    const { exchanges, clock } = openExchanges();
    for (let count = 0; count < 100; count++) exchanges.begin(REQUEST, () => {});
    assert.equal(clock.timers, 1);
  });

  test('that begin when another expires are watched too', async () => {
    const { exchanges, clock } = openExchanges();
    const ended: number[] = [];
    exchanges.begin(REQUEST, () => {
      ended.push(clock.monotonic());
      exchanges.begin(REQUEST, () => ended.push(clock.monotonic()));
    });
    await clock.advance(TIMEOUT_MS * 3);
    assert.deepEqual(ended, [TIMEOUT_MS, TIMEOUT_MS * 2]);
  });

  test('that expire together do so 16 at a time, with pauses', async () => {
    const { exchanges, clock } = openExchanges();
    let ended = 0;
    for (let count = 0; count < 40; count++) exchanges.begin(REQUEST, () => ended++);
    const counts: number[] = [];
    for (const ms of [TIMEOUT_MS, 4, 1, 5, 5]) {
      await clock.advance(ms);
      counts.push(ended);
    }
    assert.deepEqual(counts, [16, 16, 32, 40, 40]);
    assert.equal(clock.timers, 0);
  });

  test('keep their time when the wall clock is set', async () => {
    const { exchanges, clock } = openExchanges();
    let ended = 0;
    exchanges.begin(REQUEST, () => ended++);
    clock.set(0);
    await clock.advance(TIMEOUT_MS - 1);
    clock.set(Date.UTC(2100, 0));
    assert.equal(ended, 0);
    await clock.advance(1);
    assert.equal(ended, 1);
  });
});

describe('drain', () => {
  test('ends at once when nothing is in progress', async () => {
    const { exchanges, clock } = openExchanges();
    assert.equal(await exchanges.drain(1_000), 0);
    assert.equal(clock.timers, 0);
  });

  test('waits until the last one has ended, and leaves no timer', async () => {
    const { exchanges, transport, clock } = openExchanges();
    for (let count = 0; count < 2; count++) exchanges.begin(REQUEST, () => {});
    const drained = watch(exchanges.drain(500));
    await clock.advance(100);
    transport.sent[0]?.answer(OK);
    await settled();
    assert.equal(drained.value, undefined);
    transport.sent[1]?.answer(OK);
    await settled();
    assert.equal(drained.value, 0);
    assert.equal(clock.timers, 0);
  });

  test('gives up at its limit and tells how many are left', async () => {
    const { exchanges, clock } = openExchanges();
    for (let count = 0; count < 3; count++) exchanges.begin(REQUEST, () => {});
    const drained = watch(exchanges.drain(500));
    await clock.advance(499);
    assert.equal(drained.value, undefined);
    await clock.advance(1);
    assert.equal(drained.value, 3);
  });

  test('lets deadlines pass while it waits', async () => {
    const { exchanges, clock } = openExchanges();
    exchanges.begin(REQUEST, () => {});
    const drained = watch(exchanges.drain(TIMEOUT_MS * 2));
    await clock.advance(TIMEOUT_MS);
    assert.equal(drained.value, 0);
  });
});

function openExchanges() {
  const clock = createFakeClock();
  const transport = createFakeTransport(() => 'nothing');
  return { clock, transport, exchanges: new Exchanges({ clock, transport }, TIMEOUT_MS) };
}

/** What a promise was fulfilled with, as far as it was. */
function watch<Value>(promise: Promise<Value>): { value: Value | undefined } {
  const watched: { value: Value | undefined } = { value: undefined };
  void promise.then((value) => {
    watched.value = value;
  });
  return watched;
}
