import type { Exchange } from '../../../../src/core/ports.ts';
import type { Seeded } from '../../../core/support/seeded.ts';
import type { Cleanup } from '../../../support/cleanup.ts';
import { openTransport } from './open-transport.ts';
import { type Behaviour, startRawReceiver } from './raw-receiver.ts';

const AT_ONCE = 150;
/** Some answers never end: each round takes so long, and a machine that is busy needs that for the others. */
const DEADLINE_MS = 400;

const STATUS_LINES = [
  '200 OK',
  '204 No',
  '304 Not',
  '000 -',
  '999 -',
  '103 Hints',
  '500',
  '200',
].map((status) => `HTTP/1.${status === '500' ? 0 : 1} ${status}\r\n`);
const HEADERS = [
  ...['content-length: 2', 'content-length: 0', 'content-length: ', 'transfer-encoding: chunked'],
  ...['connection: close', 'connection: keep-alive', 'keep-alive: timeout=0', 'upgrade: websocket'],
  ...[
    'retry-after: 1',
    '__proto__: x',
    'x',
    ': y',
    'trailer: x',
    'transfer-encoding: gzip, chunked',
  ],
].map((line) => `${line}\r\n`);
const REST = [
  ...['\r\n', '\r\nok', '\r\n2\r\nok\r\n0\r\n\r\n', '\r\n0\r\nx: y\r\n\r\n', '\n\n', 'ok', '\0'],
  ...['\r\nffffffffffffffffff\r\n', '\r\n2;x="', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'],
];

/** Sends so many requests to a receiver of random answers; answers how often came what. */
export async function sendToRandom(
  cleanup: Cleanup,
  random: Seeded,
  count: number,
): Promise<Map<string, number>> {
  const transport = openTransport(cleanup);
  const receiver = await startRawReceiver(cleanup, answeringAtRandom(random));
  const outcomes = new Map<string, number>();
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const exchanges = Array.from({ length: AT_ONCE }, () =>
      transport.send(receiver.url, { deadlineMs: DEADLINE_MS }),
    );
    for (const exchange of await Promise.all(exchanges)) {
      const what = nameOf(exchange);
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    }
  }
  return outcomes;
}

function answeringAtRandom(random: Seeded): Behaviour {
  return (socket) =>
    socket.on('data', () => {
      if (random.below(8) > 0) socket.write(random.pick(STATUS_LINES));
      for (let count = random.below(4); count > 0; count--) socket.write(random.pick(HEADERS));
      for (let count = random.below(4); count > 0; count--) socket.write(random.pick(REST));
      if (random.below(8) === 0) socket.write(random.bytes(1 + random.below(16)));
      if (random.below(2) === 0) socket.end();
      else if (random.below(8) === 0) socket.resetAndDestroy();
    });
}

function nameOf(exchange: Exchange): string {
  switch (exchange.kind) {
    case 'failure':
      return exchange.failure;
    case 'response':
      return exchange.note ?? 'response';
    case 'not_sent':
      return exchange.kind;
  }
}
