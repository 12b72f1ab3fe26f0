// The receiver's process: answers 200 as cheaply as it can, counts, and notes when what arrived.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerCalls } from './support/calls.ts';
import { HttpMessages } from './support/http-messages.ts';
import { monotonicMs } from './support/monotonic.ts';
import { readSequence } from './support/sample-events.ts';

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');

export interface Behaviour {
  /** Before each answer. */
  delayMs: number;
  /** Reads everything and answers nothing. */
  hangs: boolean;
  /** Notes when the events 0 to this many (exclusive) first arrived, by their sequence number. */
  arrivals: number;
}

export interface Counted {
  count: number;
  /** Monotonic milliseconds; NaN when nothing arrived. */
  lastAt: number;
}

let behaviour: Behaviour = { delayMs: 0, hangs: false, arrivals: 0 };
let arrivals = new Float64Array(0);
let count = 0;
let lastAt = Number.NaN;
let awaited: { count: number; reached: () => void } | null = null;

const server = createServer(receive);

const calls = { listen, configure, countOf, arrivalTimes: () => arrivals };
export type ReceiverCalls = typeof calls;
answerCalls(calls);

/** Answers where it listens, for example `http://127.0.0.1:40123`. */
async function listen(): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Begins to count anew. */
function configure(changes: Partial<Behaviour>): void {
  behaviour = { ...behaviour, arrivals: 0, ...changes };
  arrivals = new Float64Array(behaviour.arrivals).fill(Number.NaN);
  count = 0;
  lastAt = Number.NaN;
}

/** Answers as soon as so many requests have arrived, or at the limit. */
async function countOf(wanted: { count: number; limitMs: number }): Promise<Counted> {
  if (count < wanted.count) {
    const { promise, resolve } = Promise.withResolvers<void>();
    awaited = { count: wanted.count, reached: resolve };
    const limit = setTimeout(resolve, wanted.limitMs);
    await promise;
    clearTimeout(limit);
    awaited = null;
  }
  return { count, lastAt };
}

function receive(socket: Socket): void {
  socket.setNoDelay(true);
  let complete = 0;
  const messages = new HttpMessages((message) => {
    complete += 1;
    if (arrivals.length > 0) noteArrival(message);
  });
  socket.on('data', (chunk: Buffer) => {
    messages.push(chunk);
    if (complete === 0) return;
    noteCount(complete);
    answer(socket, complete);
    complete = 0;
  });
  // The other end may go at any time; nothing here depends on one connection.
  socket.on('error', () => socket.destroy());
}

function answer(socket: Socket, requests: number): void {
  const { hangs, delayMs } = behaviour;
  if (hangs) return;
  const bytes = requests === 1 ? ANSWER : Buffer.concat(Array(requests).fill(ANSWER));
  if (delayMs === 0) socket.write(bytes);
  else setTimeout(() => socket.writable && socket.write(bytes), delayMs);
}

function noteCount(requests: number): void {
  count += requests;
  lastAt = monotonicMs();
  if (awaited !== null && count >= awaited.count) awaited.reached();
}

function noteArrival(message: Buffer): void {
  const sequence = readSequence(message);
  if (sequence === null || !Number.isNaN(arrivals[sequence] ?? 0)) return;
  arrivals[sequence] = monotonicMs();
}
