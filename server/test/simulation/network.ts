import { createHmac } from 'node:crypto';
import type { Exchange, Transport, WireRequest } from '../../src/core/ports.ts';
import type { Seeded } from '../core/support/seeded.ts';
import type { Life } from './lives.ts';
import type { Reaction, Receiver } from './receivers.ts';
import type { Scheduler } from './scheduler.ts';

/** A request as it can be read from the wire. */
export interface Seen {
  life: Life;
  url: string;
  host: string;
  body: string;
  webhookId: string;
  deliveryId: string;
  eventId: string;
  eventType: string;
  number: number;
  trigger: string;
  /** Whether a signature in the header of that kind was made with this secret. */
  isSignedWith(kind: 'legacy' | 'standard', secret: string): boolean;
}

/** What the engine hears of it; `askedUntil` is what a `Retry-After` in it means. */
export interface Heard {
  exchange: Exchange;
  askedUntil: number | null;
}

export interface Watch {
  /** Before anything else happens with it; null when it is of no interest. */
  sent(seen: Seen): { ended(heard: Heard): void; told(): void } | null;
}

/** Our own machine has no descriptor or port left, for such a share of what is sent. */
export interface NetworkFaults {
  shortage: number;
}

/** All receivers and the way to them. */
export class Network {
  readonly faults: NetworkFaults = { shortage: 0 };
  readonly receivers = new Map<string, Receiver>();
  requests = 0;
  /** Told after each request was sent. */
  wasSent: () => void = () => {};
  readonly #scheduler: Scheduler;
  readonly #random: Seeded;
  readonly #watch: Watch;

  constructor(scheduler: Scheduler, random: Seeded, watch: Watch) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#watch = watch;
  }

  transportFor(life: Life): Transport {
    return {
      send: (request, ended, written) => {
        const open = this.#send(life, request, ended);
        if (!life.isOver) written?.();
        return open;
      },
      close: async () => {},
    };
  }

  #send(life: Life, request: WireRequest, ended: (exchange: Exchange) => void) {
    // What a process does after it fell does not happen.
    if (life.isOver) return { expire: () => {} };
    const seen = readRequest(life, request);
    this.requests += 1;
    const watched = this.#watch.sent(seen);
    let isOpen = true;
    const end = (reaction: Reaction | 'shortage' | 'timeout') => {
      if (!isOpen) return;
      if (life.frozenUntil > this.#scheduler.monotonic()) {
        this.#scheduler.at(life.frozenUntil, () => end(reaction));
        return;
      }
      isOpen = false;
      // What a dead process would have heard reaches nobody.
      if (life.isOver) return;
      const heard = this.#heardOf(reaction, life);
      watched?.ended(heard);
      ended(heard.exchange);
      watched?.told();
    };
    if (this.#random.fraction() < this.faults.shortage) {
      this.#scheduler.after(0.1, () => end('shortage'));
    } else {
      const reaction = this.#reactionTo(seen);
      if (reaction.afterMs !== null) this.#scheduler.after(reaction.afterMs, () => end(reaction));
    }
    this.wasSent();
    return { expire: () => end('timeout') };
  }

  #reactionTo(seen: Seen): Reaction {
    const receiver = this.receivers.get(seen.host);
    if (receiver === undefined) throw new Error(`nobody is at ${seen.url}`);
    const { knows, verifies } = receiver;
    const signedWith = [...(knows ?? [])].filter((secret) => seen.isSignedWith(verifies, secret));
    return receiver.react(seen.eventType, signedWith);
  }

  #heardOf(reaction: Reaction | 'shortage' | 'timeout', { clock }: Life): Heard {
    if (reaction === 'shortage') return { exchange: { kind: 'not_sent' }, askedUntil: null };
    if (reaction === 'timeout') return failed('timeout');
    const { status, failure, askMs, askAs, afterMs } = reaction;
    if (status === null) return failed(failure ?? 'connection_failed');
    // A date is by the receiver's clock, and seconds are from when they are read.
    const date = Math.ceil((this.#scheduler.now() + (askMs ?? 0)) / 1_000) * 1_000;
    const asked =
      askAs === 'date'
        ? { header: new Date(date).toUTCString(), until: date }
        : { header: String((askMs ?? 0) / 1_000), until: clock.now() + (askMs ?? 0) };
    const retryAfter = askMs === null ? null : asked.header;
    const responseTimeMs = afterMs ?? 0;
    return {
      exchange: { kind: 'response', status, responseTimeMs, body: '', retryAfter, note: null },
      askedUntil: askMs === null ? null : asked.until,
    };
  }
}

function failed(failure: Extract<Exchange, { kind: 'failure' }>['failure']): Heard {
  return { exchange: { kind: 'failure', failure, note: null }, askedUntil: null };
}

/** Reads it as a receiver would, with no code of the sender. */
function readRequest(life: Life, { url, headers, body }: WireRequest): Seen {
  const named = new Map<string, string>();
  for (let index = 0; index < headers.length; index += 2) {
    named.set(String(headers[index]).toLowerCase(), String(headers[index + 1]));
  }
  const header = (name: string) => named.get(name) ?? '';
  const eventId = header('webhook-id');
  const signatures = header('webhook-signature').split(' ');
  const signed = {
    legacy: (secret: string) =>
      header('x-webhook-signature') === `sha256=${hmac(secret, [body], 'hex')}`,
    standard: (secret: string) => {
      const content = [`${eventId}.${header('webhook-timestamp')}.`, body];
      return signatures.includes(`v1,${hmac(secret, content, 'base64')}`);
    },
  };
  return {
    life,
    url: url.href,
    host: url.host,
    body: Buffer.from(body).toString('utf8'),
    webhookId: header('x-webhook-id'),
    deliveryId: header('x-webhook-delivery'),
    eventId,
    eventType: header('x-webhook-event'),
    number: Number(header('x-webhook-attempt')),
    trigger: header('x-webhook-trigger'),
    isSignedWith: (kind, secret) => signed[kind](secret),
  };
}

function hmac(
  secret: string,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): string {
  const made = createHmac('sha256', secret);
  for (const part of content) made.update(part);
  return made.digest(encoding);
}
