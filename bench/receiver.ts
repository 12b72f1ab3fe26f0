// The receiver's process: answers 200 as cheaply as it can, counts, and notes when what arrived. The
// path of a request says how it is answered:
//
//   /hang/…         not at all: it is read and left
//   /delay/100/…    after so many milliseconds
//   anything else   at once
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerCalls } from './support/calls.ts';
import { HttpMessages } from './support/http-messages.ts';
import { monotonicMs } from './support/monotonic.ts';
import { readSequence } from './support/sample-events.ts';

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
const PATH_AT = 'POST '.length;
const HANG = Buffer.from('/hang/');
const DELAY = Buffer.from('/delay/');
const DELAY_DIGITS_MAX = 6;
/** Many senders may connect at the same moment; what the system does not take it answers late. */
const LISTEN_BACKLOG = 4_096;

/** Which events are noted, by their sequence number. */
export interface Noted {
  first: number;
  count: number;
}

export interface Counted {
  /** Requests that are not to hang. Of noted events: different ones that have arrived. */
  count: number;
  /** Noted events that had arrived before. */
  duplicates: number;
  /** Requests that were left without an answer, since the process began: they come when they will. */
  hung: number;
  /** Monotonic milliseconds; NaN when nothing arrived that is counted. */
  lastAt: number;
}

interface Awaited {
  what: 'count' | 'hung';
  count: number;
  limitMs: number;
}

let noted: Noted | null = null;
/** Monotonic milliseconds at which each noted event first arrived, or NaN. */
let arrivals = new Float64Array(0);
let counted: Counted = nothing({ hung: 0 });
let awaited: (Awaited & { reached: () => void }) | null = null;

const calls = { listen, configure, counts: () => counted, waitFor, arrivalTimes: () => arrivals };
export type ReceiverCalls = typeof calls;
answerCalls(calls);

/** Listens at so many further ports; answers where, for example `http://127.0.0.1:40123`. */
async function listen(ports: number): Promise<string[]> {
  return await Promise.all(Array.from({ length: ports }, listenAtPort));
}

async function listenAtPort(): Promise<string> {
  const server = createServer(receive);
  server.listen({ host: '127.0.0.1', port: 0, backlog: LISTEN_BACKLOG });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Begins to count anew: these events, or, without them, whatever comes. */
function configure(wanted: Noted | null): void {
  noted = wanted;
  arrivals = new Float64Array(wanted?.count ?? 0).fill(Number.NaN);
  counted = nothing(counted);
}

/** Answers as soon as so many requests have arrived, or at the limit. */
async function waitFor(wanted: Awaited): Promise<Counted> {
  if (counted[wanted.what] < wanted.count) {
    const { promise, resolve } = Promise.withResolvers<void>();
    awaited = { ...wanted, reached: resolve };
    const limit = setTimeout(resolve, wanted.limitMs);
    await promise;
    clearTimeout(limit);
    awaited = null;
  }
  return counted;
}

function receive(socket: Socket): void {
  socket.setNoDelay(true);
  let atOnce = 0;
  const messages = new HttpMessages((message) => {
    if (pathBeginsWith(message, HANG)) {
      counted.hung += 1;
      return;
    }
    count(message);
    const delayMs = delayOf(message);
    if (delayMs === 0) atOnce += 1;
    else setTimeout(() => answer(socket, 1), delayMs);
  });
  socket.on('data', (chunk: Buffer) => {
    messages.push(chunk);
    if (awaited !== null && counted[awaited.what] >= awaited.count) awaited.reached();
    if (atOnce > 0) answer(socket, atOnce);
    atOnce = 0;
  });
  // The other end may go at any time; nothing here depends on one connection.
  socket.on('error', () => socket.destroy());
}

function answer(socket: Socket, requests: number): void {
  if (!socket.writable) return;
  socket.write(requests === 1 ? ANSWER : Buffer.concat(Array(requests).fill(ANSWER)));
}

function count(message: Buffer): void {
  const now = monotonicMs();
  if (noted !== null) {
    const index = (readSequence(message) ?? Number.NaN) - noted.first;
    const before = arrivals[index];
    // Not one of them: it belongs to what was published before.
    if (before === undefined) return;
    if (!Number.isNaN(before)) {
      counted.duplicates += 1;
      return;
    }
    arrivals[index] = now;
  }
  counted.count += 1;
  counted.lastAt = now;
}

function pathBeginsWith(message: Buffer, prefix: Buffer): boolean {
  return message.compare(prefix, 0, prefix.length, PATH_AT, PATH_AT + prefix.length) === 0;
}

function delayOf(message: Buffer): number {
  if (!pathBeginsWith(message, DELAY)) return 0;
  const from = PATH_AT + DELAY.length;
  return Number.parseInt(message.toString('latin1', from, from + DELAY_DIGITS_MAX), 10) || 0;
}

function nothing({ hung }: Pick<Counted, 'hung'>): Counted {
  return { count: 0, duplicates: 0, hung, lastAt: Number.NaN };
}
