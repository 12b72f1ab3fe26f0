// The load generator's process: publishes events over kept connections as cheaply as it can.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerCalls } from './support/calls.ts';
import { HttpMessages } from './support/http-messages.ts';
import { monotonicMs } from './support/monotonic.ts';
import { NumberedRequest, type NumberedTypes, sampleData } from './support/sample-events.ts';

/** Different events of one connection; each goes out again with another sequence number. */
const EVENTS_PER_CONNECTION = 4;
const TICK_MS = 1;
const STATUS_AT = 'HTTP/1.1 '.length;

export interface LoadPlan {
  url: string;
  apiKey: string;
  /** Each has one request in progress at most. */
  connections: number;
  count: number;
  /** The sequence number of the first; the others go on from there. */
  firstSequence: number;
  /** Null: all of one type. */
  types: NumberedTypes | null;
  /** So many are begun per second, whatever comes of them; null: as fast as they are answered. */
  perSecond: number | null;
  /** Nothing is begun after so long. */
  limitMs: number;
  seed: number;
}

export interface LoadReport {
  begun: number;
  accepted: number;
  /** How often each other status was answered. */
  refused: Record<string, number>;
  /** Monotonic milliseconds, in the order of sequence numbers: when each was due, and answered. */
  startedAt: Float64Array;
  answeredAt: Float64Array;
}

const calls = { publish };
export type LoadCalls = typeof calls;
answerCalls(calls);

async function publish(plan: LoadPlan): Promise<LoadReport> {
  const load = new Load(plan);
  return await load.run();
}

class Load {
  readonly #plan: LoadPlan;
  readonly #report: LoadReport;
  readonly #ended = Promise.withResolvers<void>();
  readonly #idle: Publisher[] = [];
  #due = 0;
  #next = 0;
  #answered = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#report = {
      begun: 0,
      accepted: 0,
      refused: {},
      startedAt: new Float64Array(plan.count),
      answeredAt: new Float64Array(plan.count),
    };
  }

  async run(): Promise<LoadReport> {
    const { connections, limitMs } = this.#plan;
    const publishers = Array.from({ length: connections }, (_, index) => this.#publisher(index));
    try {
      await Promise.all(publishers.map((publisher) => publisher.open()));
      this.#idle.push(...publishers);
      const stopDueing = this.#makeDue();
      const limit = setTimeout(() => this.#cut(), limitMs);
      await this.#ended.promise;
      clearTimeout(limit);
      stopDueing();
    } finally {
      for (const publisher of publishers) publisher.close();
    }
    this.#report.begun = this.#next;
    return this.#report;
  }

  #publisher(index: number): Publisher {
    const { seed, types, firstSequence, url } = this.#plan;
    const requests = sampleData(seed + index, EVENTS_PER_CONNECTION).map(
      (data) => new NumberedRequest((type) => requestBytes(this.#plan, type, data), types),
    );
    return new Publisher(
      { target: new URL(url), requests, firstSequence },
      {
        answered: (publisher, place, status) => this.#noteAnswer(publisher, place, status),
        failed: this.#ended.reject,
      },
    );
  }

  /** All at once, or by the clock; the answer ends the clock. */
  #makeDue(): () => void {
    const { count, perSecond } = this.#plan;
    if (perSecond === null) {
      this.#due = count;
      this.#pump();
      return () => {};
    }
    const beganAt = monotonicMs();
    const timer = setInterval(() => {
      const now = monotonicMs();
      const due = Math.min(count, Math.floor(((now - beganAt) / 1_000) * perSecond) + 1);
      // From here on the clock of each runs, also while it waits for a connection.
      this.#report.startedAt.fill(now, this.#due, Math.max(due, this.#due));
      this.#due = Math.max(due, this.#due);
      this.#pump();
    }, TICK_MS);
    return () => clearInterval(timer);
  }

  #pump(): void {
    const { startedAt } = this.#report;
    while (this.#next < this.#due) {
      // The one that rested longest, or the server would close it for resting too long.
      const publisher = this.#idle.shift();
      if (publisher === undefined) return;
      const place = this.#next++;
      if (startedAt[place] === 0) startedAt[place] = monotonicMs();
      publisher.send(place);
    }
  }

  #noteAnswer(publisher: Publisher, place: number, status: string): void {
    const { answeredAt, refused } = this.#report;
    answeredAt[place] = monotonicMs();
    this.#answered += 1;
    if (status === '202') this.#report.accepted += 1;
    else refused[status] = (refused[status] ?? 0) + 1;
    this.#idle.push(publisher);
    this.#pump();
    if (this.#answered === this.#plan.count) this.#ended.resolve();
  }

  /** The time is up: nothing more is begun, and what is in progress is waited for. */
  #cut(): void {
    this.#plan.count = this.#next;
    this.#due = this.#next;
    if (this.#answered === this.#next) this.#ended.resolve();
  }
}

interface PublisherEvents {
  answered: (publisher: Publisher, place: number, status: string) => void;
  failed: (error: Error) => void;
}

/** One connection. Its requests are its own bytes: what was answered may be written over. */
class Publisher {
  readonly #requests: readonly NumberedRequest[];
  readonly #firstSequence: number;
  readonly #socket: Socket;
  #place = 0;
  #isClosed = false;

  constructor(
    of: { target: URL; requests: readonly NumberedRequest[]; firstSequence: number },
    heard: PublisherEvents,
  ) {
    this.#requests = of.requests;
    this.#firstSequence = of.firstSequence;
    const { hostname, port } = of.target;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const messages = new HttpMessages((message) => {
      heard.answered(this, this.#place, message.toString('latin1', STATUS_AT, STATUS_AT + 3));
    });
    this.#socket.on('data', (chunk: Buffer) => messages.push(chunk));
    this.#socket.on('error', heard.failed);
    this.#socket.on('close', () => {
      if (!this.#isClosed) heard.failed(new Error('the server closed a connection'));
    });
  }

  async open(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect');
  }

  /** The event at that place of the plan. */
  send(place: number): void {
    const request = this.#requests[place % this.#requests.length];
    if (request === undefined) throw new Error('a publisher has requests');
    this.#place = place;
    request.setSequence(this.#firstSequence + place);
    this.#socket.write(request.bytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }
}

function requestBytes({ url, apiKey }: LoadPlan, type: string, data: object): Buffer {
  const body = JSON.stringify({ type, data });
  const { pathname, host } = new URL(url);
  return Buffer.from(
    `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${apiKey}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
