import type { Exchange, Transport, WireRequest } from '../../../src/core/ports.ts';

/** A request as a receiver sees it, and the way to answer it. */
export interface Sent {
  url: string;
  body: string;
  deliveryId: string;
  eventId: string;
  attempt: number;
  header(name: string): string;
  isOpen: boolean;
  /** It is written on a connection now, unless that happens at once. */
  write(): void;
  answer(exchange: Exchange): void;
}

export type Answering = (sent: Sent) => Exchange | 'nothing';

export interface FakeTransport extends Transport {
  /** Everything that was sent, in its order. */
  sent: Sent[];
  /** What has not been answered. */
  open(): Sent[];
  /** From now on each request is answered so; with `nothing` it stays open. */
  answering: Answering;
  /** Whether connections are there at once; otherwise whoever tests says when a request is written. */
  writesAtOnce: boolean;
}

const ANSWER = { kind: 'response', responseTimeMs: 5, retryAfter: null, note: null } as const;
export const OK: Exchange = { ...ANSWER, status: 200, body: 'OK' };
export const BROKEN: Exchange = { ...ANSWER, status: 500, body: 'no' };

/** An answer with that status, and that `Retry-After`. */
export function answered(status: number, retryAfter: string | null = null): Exchange {
  return { ...ANSWER, status, retryAfter, body: '' };
}

/** A network on which nothing happens by itself. */
export function createFakeTransport(answering: Answering = () => OK): FakeTransport {
  const sent: Sent[] = [];
  const transport: FakeTransport = {
    sent,
    answering,
    writesAtOnce: true,
    open: () => sent.filter(({ isOpen }) => isOpen),
    send(request, ended, written = () => {}) {
      const one = sentOf(request, ended, written);
      sent.push(one);
      if (transport.writesAtOnce) one.write();
      queueMicrotask(() => {
        const exchange = transport.answering(one);
        if (exchange !== 'nothing') one.answer(exchange);
      });
      return { expire: () => one.answer({ kind: 'failure', failure: 'timeout', note: null }) };
    },
    close: async () => {},
  };
  return transport;
}

function sentOf(
  { url, headers, body }: WireRequest,
  ended: (exchange: Exchange) => void,
  written: () => void,
): Sent {
  const header = (name: string) => {
    const index = headers.findIndex((one, at) => at % 2 === 0 && one.toLowerCase() === name);
    return headers[index + 1] ?? '';
  };
  const one: Sent = {
    url: url.href,
    body: Buffer.from(body).toString('utf8'),
    deliveryId: header('x-webhook-delivery'),
    eventId: header('webhook-id'),
    attempt: Number(header('x-webhook-attempt')),
    header,
    isOpen: true,
    write: written,
    answer(exchange) {
      if (!one.isOpen) return;
      one.isOpen = false;
      ended(exchange);
    },
  };
  return one;
}
