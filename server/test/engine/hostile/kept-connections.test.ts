import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LARGE_BODY } from './support/kinds.ts';
import { openTransport } from './support/open-transport.ts';
import { answering, type Behaviour, startRawReceiver } from './support/raw-receiver.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const REAL = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nreal';
const POISON = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison';

/** Answers the first request of a connection, and does this with the second. */
function keptThen(second: Behaviour): Behaviour {
  return (socket, number) =>
    socket.once('data', () => {
      socket.write(OK);
      socket.once('data', () => second(socket, number));
    });
}

describe('a kept connection', () => {
  test('serves one exchange after the other', async (t) => {
    const receiver = await startRawReceiver(t, answering(OK));
    const transport = openTransport(t);
    for (let count = 0; count < 10; count++) {
      assert.equal((await transport.send(receiver.url)).kind, 'response');
    }
    assert.equal(receiver.connections(), 1);
  });

  const ends: [what: string, end: Behaviour][] = [
    ['reset', (socket) => socket.resetAndDestroy()],
    ['closed', (socket) => socket.end()],
  ];
  for (const [what, end] of ends) {
    test(`that is ${what} instead of an answer is replaced, once, and the log says so`, async (t) => {
      const receiver = await startRawReceiver(t, keptThen(end));
      const transport = openTransport(t);
      await transport.send(receiver.url);
      const { responseTimeMs: _, ...told } = (await transport.send(receiver.url)) as {
        responseTimeMs: number;
      };
      assert.deepEqual(told, {
        kind: 'response',
        status: 200,
        body: 'ok',
        retryAfter: null,
        note: 'resent',
      });
      assert.equal(receiver.connections(), 2);
      assert.equal(requestsIn(receiver.received()), 3);
    });
  }

  test('is not replaced a second time', async (t) => {
    const receiver = await startRawReceiver(t, (socket, number) => {
      if (number === 1) keptThen(() => socket.resetAndDestroy())(socket, number);
      else socket.once('data', () => socket.resetAndDestroy());
    });
    const transport = openTransport(t);
    await transport.send(receiver.url);
    assert.deepEqual(await transport.send(receiver.url), {
      kind: 'failure',
      failure: 'connection_reset',
      note: 'resent',
    });
    assert.equal(receiver.connections(), 2);
  });

  test('is not replaced when a byte of an answer has come', async (t) => {
    const second: Behaviour = (socket) => socket.end('H');
    const receiver = await startRawReceiver(t, keptThen(second));
    const transport = openTransport(t);
    await transport.send(receiver.url);
    assert.deepEqual(await transport.send(receiver.url), {
      kind: 'failure',
      failure: 'connection_reset',
      note: null,
    });
    assert.equal(receiver.connections(), 1);
  });

  test('is not replaced when the receiver is silent', async (t) => {
    const receiver = await startRawReceiver(
      t,
      keptThen(() => {}),
    );
    const transport = openTransport(t);
    await transport.send(receiver.url);
    const exchange = await transport.send(receiver.url, { deadlineMs: 200 });
    assert.deepEqual(exchange, { kind: 'failure', failure: 'timeout', note: null });
    await receiver.allClosed();
    assert.equal(requestsIn(receiver.received()), 2);
  });

  test('and the one in its place share one deadline', async (t) => {
    const receiver = await startRawReceiver(t, (socket, number) => {
      const second = () => setTimeout(() => socket.resetAndDestroy(), 200);
      if (number === 1) keptThen(second)(socket, number);
    });
    const transport = openTransport(t);
    await transport.send(receiver.url);
    const beganAt = performance.now();
    const exchange = await transport.send(receiver.url, { deadlineMs: 400 });
    assert.deepEqual(exchange, { kind: 'failure', failure: 'timeout', note: 'resent' });
    assert.ok(performance.now() - beganAt < 590);
  });

  test('that was closed while it was idle is not used, and nothing is remarked', async (t) => {
    const receiver = await startRawReceiver(t, (socket) =>
      socket.once('data', () => socket.end(OK)),
    );
    const transport = openTransport(t);
    for (let count = 1; count <= 3; count++) {
      const exchange = await transport.send(receiver.url);
      assert.ok(exchange.kind === 'response' && exchange.note === null);
      assert.equal(receiver.connections(), count);
      await receiver.allClosed();
    }
  });

  test('is closed by an answer to nothing, which answers no later request', async (t) => {
    let poison = () => {};
    const receiver = await startRawReceiver(t, (socket, number) => {
      socket.on('data', () => socket.write(number === 1 ? OK : REAL));
      if (number === 1) poison = () => socket.write(POISON);
    });
    const transport = openTransport(t);
    await transport.send(receiver.url);
    poison();
    await receiver.allClosed();
    const exchange = await transport.send(receiver.url);
    assert.ok(exchange.kind === 'response' && exchange.body === 'real');
  });

  test('is closed by a second answer behind the first', async (t) => {
    const receiver = await startRawReceiver(t, (socket, number) =>
      socket.on('data', () => socket.write(number === 1 ? OK + POISON : REAL)),
    );
    const transport = openTransport(t);
    await transport.send(receiver.url);
    const exchange = await transport.send(receiver.url);
    assert.ok(exchange.kind === 'response' && exchange.body === 'real');
    assert.equal(receiver.connections(), 2);
  });

  test('on which an answer came too early is closed, also when the rest was read later', async (t) => {
    const receiver = await startRawReceiver(t, (socket) =>
      socket.once('data', (first) => {
        socket.pause();
        // The answer is finished only when the whole request has been read.
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no', () => socket.resume());
        let bytes = first.length - first.indexOf('\r\n\r\n') - 4;
        socket.on('data', (chunk) => {
          bytes += chunk.length;
          if (bytes === LARGE_BODY.length) socket.write('k');
        });
      }),
    );
    const transport = openTransport(t);
    const exchange = await transport.send(receiver.url, { body: LARGE_BODY });
    assert.ok(exchange.kind === 'response' && exchange.body === 'ok');
    assert.equal(exchange.note, 'early_response');
    const endedAt = performance.now();
    await receiver.allClosed();
    // Not as one that has been idle for long enough.
    assert.ok(performance.now() - endedAt < 1_000);
  });

  const hints: [hint: string, atLeastMs: number, atMostMs: number][] = [
    ['', 3_500, 5_500],
    ['keep-alive: timeout=3600\r\n', 3_500, 5_500],
    ['keep-alive: timeout=2\r\n', 500, 2_500],
  ];
  for (const [hint, atLeastMs, atMostMs] of hints) {
    test(`is closed when idle for seconds (${hint.trim() || 'no hint'})`, async (t) => {
      const answer = `HTTP/1.1 200 OK\r\n${hint}content-length: 0\r\n\r\n`;
      const receiver = await startRawReceiver(t, answering(answer));
      const transport = openTransport(t);
      await transport.send(receiver.url);
      const beganAt = performance.now();
      await receiver.allClosed();
      const tookMs = performance.now() - beganAt;
      assert.ok(tookMs > atLeastMs && tookMs < atMostMs, `${tookMs} ms`);
    });
  }
});

describe('Retry-After is passed on as it came:', () => {
  const cases: [lines: string, told: string | null][] = [
    ['', null],
    ['retry-after: 120', '120'],
    ['Retry-After: Wed, 21 Oct 2026 07:28:00 GMT', 'Wed, 21 Oct 2026 07:28:00 GMT'],
    ['retry-after: 1\r\nRetry-After: 2', '1'],
    ['retry-after:', ''],
    [`retry-after: ${'9'.repeat(1_000)}`, '9'.repeat(64)],
  ];
  for (const [lines, told] of cases) {
    test(lines.slice(0, 60) || 'none', async (t) => {
      const head = ['HTTP/1.1 503 Busy', 'content-length: 0', ...(lines === '' ? [] : [lines])];
      const receiver = await startRawReceiver(t, answering(`${head.join('\r\n')}\r\n\r\n`));
      const exchange = await openTransport(t).send(receiver.url);
      assert.ok(exchange.kind === 'response');
      assert.equal(exchange.retryAfter, told);
    });
  }
});

function requestsIn(text: string): number {
  return text.split('POST /webhooks HTTP/1.1').length - 1;
}
