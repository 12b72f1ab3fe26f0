import type {
  Clock,
  Exchange,
  OpenExchange,
  Timer,
  Transport,
  WireRequest,
} from '../core/ports.ts';

interface InFlight {
  deadlineAt: number;
  open: OpenExchange;
}

/**
 * The exchanges in progress, each under one deadline over the whole of it. All have the same time,
 * so they expire in the order in which they began: one timer watches the oldest.
 */
export class Exchanges {
  readonly #inFlight = new Set<InFlight>();
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

  begin(request: WireRequest, ended: (exchange: Exchange) => void): void {
    const deadlineAt = this.#clock.monotonic() + this.#timeoutMs;
    const open = this.#transport.send(request, (exchange) => {
      // Abandoned by `drain`: what comes of it now, its own breaking off for one, is nobody's outcome.
      if (!this.#inFlight.delete(entry)) return;
      if (this.#inFlight.size === 0) this.#whenEmpty?.();
      ended(exchange);
    });
    const entry: InFlight = { deadlineAt, open };
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
    this.#inFlight.clear();
    return abandoned;
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    const expired: InFlight[] = [];
    this.#timer = null;
    for (const entry of this.#inFlight) {
      if (entry.deadlineAt > now) {
        this.#timer = this.#clock.after(entry.deadlineAt - now, () => this.#expire());
        break;
      }
      expired.push(entry);
    }
    for (const { open } of expired) open.expire();
  }
}
