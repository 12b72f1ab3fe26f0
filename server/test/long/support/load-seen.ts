import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { dataOf } from '../../system/support/publishers.ts';
import { type Arrival, startAnswering } from '../../system/support/receiver.ts';
import { Answered, type Repeats } from './answered.ts';
import type { Periods } from './periods.ts';
import { Room } from './room.ts';

const TYPES = [
  'user.created',
  'user.updated',
  'user.deleted',
  'team.member.added',
  'team.member.removed',
  'team.member.role_changed',
] as const;
/** Each event goes to so many webhooks. */
const FAN_OUT = 2;
const SLOW_MS = 50;
const FAILS_EVERY = 10;
/** While a node's shards wait for another one, what the others take in still has room. */
const BACKLOG_MAX = 30_000;
const FAULTS_KEPT = 20;
const TEXTS = Array.from({ length: 97 }, (_, number) => dataOf(number).text);

export interface LoadWebhook {
  url: string;
  type: string;
}

/** The publishers' events at two webhooks for each type: fast, slow, and such as refuse every tenth. */
export class LoadSeen {
  accepted = 0;
  requests = 0;
  /** Requests that were not as they should be, the first of them. */
  readonly faults: string[] = [];
  readonly webhooks: LoadWebhook[] = [];
  /** Counts deliveries. */
  readonly room = new Room(BACKLOG_MAX);
  readonly #accepted: Uint8Array;
  readonly #answered: Answered;

  /** Events have the numbers below `numbers`. */
  constructor(numbers: number, seen: { periods: Periods; repeats: Repeats }) {
    this.#accepted = new Uint8Array(numbers);
    this.#answered = new Answered({ name: 'load', places: numbers * FAN_OUT, ...seen });
  }

  async start(t: TestContext): Promise<void> {
    for (const [index, type] of TYPES.entries()) {
      for (let place = 0; place < FAN_OUT; place++) {
        const respond = behaviour(index + place);
        const url = await startAnswering(t, async (arrival) => {
          const { status, delayMs } = respond();
          this.#record(arrival, { type, place, status });
          if (delayMs > 0) await after(delayMs);
          return status;
        });
        this.webhooks.push({ url, type });
      }
    }
  }

  accept(number: number): void {
    if (number >= this.#accepted.length) throw new RangeError(`event ${number} has no place`);
    this.accepted += 1;
    this.#accepted[number] = 1;
    this.room.grow(this.#missing(number));
  }

  isAccepted(number: number): boolean {
    return this.#accepted[number] === 1;
  }

  /** Deliveries of accepted events that were not answered 2xx. */
  lost(): number {
    return this.#accepted.reduce(
      (total, isAccepted, number) => total + (isAccepted === 1 ? this.#missing(number) : 0),
      0,
    );
  }

  #missing(number: number): number {
    let missing = 0;
    for (let place = 0; place < FAN_OUT; place++) {
      if (!this.#answered.has(number * FAN_OUT + place)) missing += 1;
    }
    return missing;
  }

  #record(
    arrival: Arrival,
    { type, place, status }: { type: string; place: number; status: number },
  ): void {
    const event = JSON.parse(arrival.body);
    const { number } = event.data;
    this.requests += 1;
    const isAsPublished =
      event.id === arrival.headers['webhook-id'] && event.type === type && isLoad(event);
    if (!isAsPublished && this.faults.length < FAULTS_KEPT) this.faults.push(arrival.body);
    const isFirst = this.#answered.record(number * FAN_OUT + place, arrival, status);
    if (isFirst && this.isAccepted(number)) this.room.grow(-1);
  }
}

export function typeOf(number: number): string {
  return TYPES[number % TYPES.length] ?? '';
}

/** Whether an event's body is as it was published. */
export function isLoad(event: { type: string; data: { number: number; text: string } }): boolean {
  const { number, text } = event.data;
  return event.type === typeOf(number) && text === TEXTS[number % TEXTS.length];
}

function behaviour(kind: number): () => { status: number; delayMs: number } {
  let requests = 0;
  switch (kind % 3) {
    case 0:
      return () => ({ status: 200, delayMs: 0 });
    case 1:
      return () => ({ status: 200, delayMs: SLOW_MS });
    default:
      return () => ({ status: ++requests % FAILS_EVERY === 0 ? 500 : 204, delayMs: 0 });
  }
}
