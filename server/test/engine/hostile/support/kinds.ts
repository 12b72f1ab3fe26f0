import { gzipSync } from 'node:zlib';
import type { Exchange } from '../../../../src/core/ports.ts';
import type { SendOptions } from './open-transport.ts';
import { answering, type Behaviour, dripping, pouring } from './raw-receiver.ts';

/** A way to attack a sender, and what has to come of it. */
export interface Kind {
  name: string;
  behave: Behaviour;
  expected: Partial<Record<keyof Extract<Exchange, { kind: 'response' }> | 'failure', unknown>>;
  /** How long it may take; a kind that ends only by the deadline ends at it. */
  withinMs?: number;
  options?: SendOptions;
  /** The connection may be used again: nothing was wrong with it. */
  keepsConnection?: boolean;
}

const DEADLINE_MS = 400;
const ENDS_AT_DEADLINE = { options: { deadlineMs: DEADLINE_MS }, withinMs: 2_000 };
const KIB = 'x'.repeat(1_024);
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const CONTINUED = `HTTP/1.1 100 Continue\r\n\r\n${OK}connection: close\r\ncontent-length: 12\r\n\r\nHTTP/1.1 100`;
const CUT = { kind: 'response', status: 200, note: 'body_cut' };
const TOO_LARGE = { kind: 'failure', failure: 'headers_too_large', note: null };
const MALFORMED = { kind: 'failure', failure: 'malformed_response', note: null };
const TIMEOUT = { kind: 'failure', failure: 'timeout', note: null };

/** Small on its way, 100 MiB for whoever unpacks it. */
export const BOMB = gzipSync(Buffer.alloc(100 * 1024 * 1024));
export const LARGE_BODY = Buffer.alloc(32 * 1024 * 1024, '.');

export const KINDS: readonly Kind[] = [
  {
    name: 'sends 103 again and again, slowly',
    behave: dripping('', 'HTTP/1.1 103 Early Hints\r\n\r\n', 100),
    expected: TIMEOUT,
    ...ENDS_AT_DEADLINE,
  },
  {
    name: 'sends a byte of the head from time to time',
    behave: dripping(`${OK}x: `, 'x', 50),
    expected: TIMEOUT,
    ...ENDS_AT_DEADLINE,
  },
  {
    name: 'sends a byte of the body from time to time',
    behave: dripping(`${OK}content-length: 1000000\r\n\r\n`, 'x', 50),
    expected: CUT,
    ...ENDS_AT_DEADLINE,
  },
  {
    name: 'sends 103 as fast as it is taken',
    behave: pouring('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    expected: MALFORMED,
  },
  {
    name: 'sends 100 as fast as it is taken',
    behave: pouring('', 'HTTP/1.1 100 Continue\r\n\r\n'),
    expected: MALFORMED,
  },
  {
    name: 'sends 100 though nobody asked, and nothing else',
    behave: answering('HTTP/1.1 100 Continue\r\n\r\n'),
    expected: TIMEOUT,
    ...ENDS_AT_DEADLINE,
  },
  {
    name: 'sends 100 though nobody asked, and then an answer',
    behave: answering(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${CONTINUED}`,
    ),
    expected: { kind: 'response', status: 200, body: 'HTTP/1.1 100', note: null },
  },
  {
    name: 'sends 100 though nobody asked, and an answer after a while',
    behave: (socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        setTimeout(() => socket.write(CONTINUED), 50);
      }),
    expected: { kind: 'response', status: 200, body: 'HTTP/1.1 100', note: null },
  },
  {
    name: 'switches to another protocol',
    behave: answering(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ),
    expected: MALFORMED,
  },
  {
    name: 'sends a body without end',
    behave: pouring(`${OK}content-length: 1000000000000\r\n\r\n`, KIB),
    expected: { ...CUT, body: KIB.repeat(4) },
  },
  {
    name: 'sends a body without end and without a length',
    behave: pouring(`${OK}\r\n`, KIB),
    expected: { ...CUT, body: KIB.repeat(4) },
  },
  {
    name: 'sends a header of 20 KiB',
    behave: answering(`${OK}x: ${KIB.repeat(20)}\r\ncontent-length: 0\r\n\r\n`),
    expected: TOO_LARGE,
  },
  {
    name: 'sends headers without end',
    behave: pouring(OK, `x-header: ${KIB}\r\n`),
    expected: TOO_LARGE,
  },
  {
    name: 'sends a reason without end',
    behave: pouring('HTTP/1.1 200 ', KIB),
    expected: TOO_LARGE,
  },
  {
    name: 'sends empty lines without end',
    behave: pouring('', '\r\n'.repeat(512)),
    expected: TOO_LARGE,
  },
  {
    name: 'sends trailers without end',
    behave: pouring(`${CHUNKED}2\r\nok\r\n0\r\n`, `x-trailer: ${KIB}\r\n`),
    expected: { ...CUT, body: 'ok' },
  },
  {
    name: 'sends an extension of a chunk without end',
    behave: pouring(`${CHUNKED}2;x=`, KIB),
    expected: { ...CUT, body: '' },
  },
  {
    name: 'sends chunks of one byte without end, each with an extension',
    behave: pouring(CHUNKED, `1;${KIB}\r\nx\r\n`),
    expected: CUT,
  },
  {
    name: 'sends a length and chunks',
    behave: answering(
      `${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ),
    expected: MALFORMED,
  },
  {
    name: 'sends chunks and a length',
    behave: answering(
      `${OK}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ),
    expected: MALFORMED,
  },
  {
    name: 'sends two lengths',
    behave: answering(`${OK}content-length: 2\r\ncontent-length: 3\r\n\r\nokk`),
    expected: MALFORMED,
  },
  {
    name: 'sends a length that is none',
    behave: answering(`${OK}content-length: -2\r\n\r\nok`),
    expected: MALFORMED,
  },
  {
    name: 'sends a chunk whose size is none',
    behave: answering(`${CHUNKED}zz\r\nok\r\n0\r\n\r\n`),
    expected: { ...CUT, body: '' },
  },
  {
    name: 'has the status 000',
    behave: answering('HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n'),
    expected: MALFORMED,
  },
  {
    name: 'does not speak HTTP',
    behave: answering('220 mail.example.com ESMTP\r\n'),
    expected: MALFORMED,
  },
  {
    name: 'speaks HTTP/2',
    behave: answering(Buffer.from('000000040000000000', 'hex')),
    expected: MALFORMED,
  },
  {
    name: 'sends a bomb of gzip',
    behave: (socket) => {
      const head = `${OK}content-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`;
      socket.once('data', () => socket.write(Buffer.concat([Buffer.from(head), BOMB])));
    },
    expected: { ...CUT, body: BOMB.toString('utf8', 0, 4_096) },
  },
  {
    name: 'answers before it has read the request',
    behave: (socket) =>
      socket.once('data', () => {
        socket.pause();
        socket.write(`${OK}content-length: 2\r\n\r\nok`);
      }),
    options: { body: LARGE_BODY },
    expected: { kind: 'response', status: 200, body: 'ok', note: 'early_response' },
  },
  {
    name: 'reads nothing',
    behave: (socket) => socket.pause(),
    expected: TIMEOUT,
    options: { body: LARGE_BODY, deadlineMs: DEADLINE_MS },
    withinMs: 2_000,
  },
  {
    name: 'answers nothing',
    behave: () => {},
    expected: TIMEOUT,
    ...ENDS_AT_DEADLINE,
  },
  {
    name: 'breaks the connection in the body',
    behave: (socket) =>
      socket.once('data', () => socket.end(`${OK}content-length: 100\r\n\r\nonly this`)),
    expected: { ...CUT, body: 'only this' },
  },
  {
    name: 'breaks the connection in the head',
    behave: (socket) => socket.once('data', () => socket.end(`${OK}content-le`)),
    expected: { kind: 'failure', failure: 'connection_reset', note: null },
  },
  {
    name: 'closes the connection at once',
    behave: (socket) => socket.end(),
    expected: { kind: 'failure', failure: 'connection_reset', note: null },
  },
  {
    name: 'resets the connection when the request is there',
    behave: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    expected: { kind: 'failure', failure: 'connection_reset', note: null },
  },
];
