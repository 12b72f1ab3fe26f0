import type {
  Clock,
  Exchange,
  OpenExchange,
  Timer,
  Transport,
  WireRequest,
} from '../core/ports.ts';
import { LinkedList, type Listed } from './linked-list.ts';

/**
 * So many expire at a time, and the next ones this much later: each costs a connection that is torn down, an
 * outcome that is written, and the same on the other side. A thousand that hang must not delay what does not.
 */
const EXPIRE_AT_ONCE = 16;
const EXPIRE_PAUSE_MS = 5;

interface InFlight extends Listed {
  deadlineAt: number;
  open: OpenExchange;
}

/**
 * The exchanges in progress, each under one deadline over the whole of it. All have the same time, so
 * they expire in the order in which they began: one timer watches the oldest. A second try goes on
 * under the deadline of its first, and has a timer of its own.
 */
export class Exchanges {
  #inFlight = new LinkedList<InFlight>();
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #timer: Timer | null = null;
  #whenEmpty: (() => void) | null = null;

  constructor(ports: { transport: Transport; clock: Clock }, timeoutMs: number) {
    this.#transport = ports.transport;
    this.#clock = ports.clock;
    this.#timeoutMs = timeoutMs;
  }

  get count(): number {
    return this.#inFlight.size;
  }

  begin(request: WireRequest, ended: (exchange: Exchange) => void, written?: () => void): void {
    const deadlineAt = this.#clock.monotonic() + this.#timeoutMs;
    const entry = this.#send(request, deadlineAt, ended, written);
    this.#inFlight.add(entry);
    this.#timer ??= this.#clock.after(this.#timeoutMs, () => this.#expire());
  }

  /** The same delivery once more, in what is left of the time since `began` (monotonic). */
  beginAgain(
    request: WireRequest,
    began: number,
    ended: (exchange: Exchange) => void,
    written?: () => void,
  ): void {
    const deadlineAt = began + this.#timeoutMs;
    const timer = this.#clock.after(deadlineAt - this.#clock.monotonic(), () =>
      entry.open.expire(),
    );
    const again = (exchange: Exchange) => {
      timer.cancel();
      ended(exchange);
    };
    const entry = this.#send(request, deadlineAt, again, written);
    this.#inFlight.add(entry);
    this.#timer ??= this.#clock.after(this.#timeoutMs, () => this.#expire());
  }

  /** Fulfilled when none is in progress, or when the time is up; answers how many are left. */
  async drain(limitMs: number): Promise<number> {
    if (this.#inFlight.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenEmpty = resolve;
      const limit = this.#clock.after(limitMs, resolve);
      await promise;
      limit.cancel();
    }
    this.#timer?.cancel();
    this.#timer = null;
    const abandoned = this.#inFlight.size;
    this.#inFlight = new LinkedList();
    return abandoned;
  }

  #send(
    request: WireRequest,
    deadlineAt: number,
    ended: (exchange: Exchange) => void,
    written: (() => void) | undefined,
  ): InFlight {
    const hasEnded = (exchange: Exchange) => {
      // Abandoned by `drain`: what comes of it now, its own breaking off for one, is nobody's outcome.
      if (!this.#inFlight.remove(entry)) return;
      ended(exchange);
      // Whoever heard of it may have begun the next: a second try belongs to the same attempt.
      if (this.#inFlight.size === 0) this.#whenEmpty?.();
    };
    const open = this.#transport.send(request, hasEnded, written);
    const entry: InFlight = { deadlineAt, open, list: null, older: null, newer: null };
    return entry;
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    const expired: InFlight[] = [];
    this.#timer = null;
    for (const entry of this.#inFlight) {
      const isEnough = expired.length === EXPIRE_AT_ONCE;
      if (entry.deadlineAt > now || isEnough) {
        const delayMs = Math.max(isEnough ? EXPIRE_PAUSE_MS : 0, entry.deadlineAt - now);
        this.#timer = this.#clock.after(delayMs, () => this.#expire());
        break;
      }
      expired.push(entry);
    }
    for (const { open } of expired) open.expire();
  }
}
