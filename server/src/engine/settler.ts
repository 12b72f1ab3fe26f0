import type { Announcements } from '../core/announcements.ts';
import type { Clock, Settlement, SettleResult, Store } from '../core/ports.ts';

const BATCH_MAX = 1_000;
const RETRY_AFTER_MS = 250;
/** Outcomes that wait for the store; beyond, nothing new is sent. */
const WAITING_MAX = 4_000;

interface Waiting {
  settlement: Settlement;
  settled: Settled;
}

/** Called when the settlement has committed. */
type Settled = (settlement: Settlement, result: SettleResult) => void;

/**
 * Writes what came of the attempts, many in one transaction: while one batch is being committed the
 * next gathers. When the store cannot be written it keeps them and tries again; `isStuck` tells the
 * engine to start nothing new until one was written, because what came of that could not be kept either.
 */
export class Settler {
  #waiting: Waiting[] = [];
  #writing = 0;
  #hasFailed = false;
  #waitsToRetry = false;
  /** The next batch is written at the end of this turn. */
  #isAsked = false;
  #whenIdle: (() => void) | null = null;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #announcements: Announcements;
  readonly #resumed: () => void;

  constructor(
    ports: { store: Store; clock: Clock; announcements: Announcements },
    resumed: () => void,
  ) {
    this.#store = ports.store;
    this.#clock = ports.clock;
    this.#announcements = ports.announcements;
    this.#resumed = resumed;
  }

  get isStuck(): boolean {
    return this.#hasFailed || this.#waiting.length >= WAITING_MAX;
  }

  /** What is not written yet. */
  get count(): number {
    return this.#waiting.length + this.#writing;
  }

  add(settlement: Settlement, settled: Settled): void {
    this.#waiting.push({ settlement, settled });
    if (this.#isAsked || this.#writing > 0) return;
    this.#isAsked = true;
    // What ends in one turn of the event loop is written together.
    this.#clock.after(0, () => {
      this.#isAsked = false;
      this.#write();
    });
  }

  /** Fulfilled when everything is written, or at the limit; answers how many are left. */
  async drain(limitMs: number): Promise<number> {
    if (this.count > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenIdle = resolve;
      const limit = this.#clock.after(limitMs, resolve);
      await promise;
      limit.cancel();
    }
    return this.count;
  }

  #write(): void {
    if (this.#writing > 0 || this.#waitsToRetry || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, BATCH_MAX);
    const startedAt = this.#clock.monotonic();
    this.#writing = batch.length;
    this.#store.settle(batch.map(({ settlement }) => settlement)).then(
      (results) => {
        const wasStuck = this.isStuck;
        this.#writing = 0;
        this.#hasFailed = false;
        this.#announce(batch.length, startedAt);
        for (const [index, { settlement, settled }] of batch.entries()) {
          settled(settlement, results[index] ?? 'ended');
        }
        this.#write();
        if (this.#writing === 0) this.#whenIdle?.();
        if (wasStuck) this.#resumed();
      },
      (error: unknown) => {
        this.#writing = 0;
        this.#waiting = [...batch, ...this.#waiting];
        this.#announcements.settleFailed.publish({ waiting: this.#waiting.length, error });
        this.#hasFailed = true;
        this.#waitsToRetry = true;
        this.#clock.after(RETRY_AFTER_MS, () => {
          this.#waitsToRetry = false;
          this.#write();
        });
      },
    );
  }

  #announce(attempts: number, startedAt: number): void {
    const { settled } = this.#announcements;
    if (!settled.hasSubscribers) return;
    settled.publish({ attempts, durationMs: this.#clock.monotonic() - startedAt });
  }
}
