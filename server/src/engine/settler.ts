import type { Announcements } from '../core/announcements.ts';
import type { Clock, Settlement, Store } from '../core/ports.ts';

const BATCH_MAX = 1_000;
const RETRY_AFTER_MS = 250;

/**
 * Writes what came of the attempts, many in one transaction: while one batch is being committed the
 * next gathers. When the store cannot be written it keeps them and tries again; `isStuck` tells the
 * engine to start nothing new meanwhile, because what came of that could not be kept either.
 */
export class Settler {
  #waiting: { settlement: Settlement; settled: () => void }[] = [];
  #isWriting = false;
  #retriesAt = false;
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
    return this.#retriesAt;
  }

  /** `settled` is called when the settlement has committed. */
  add(settlement: Settlement, settled: () => void): void {
    this.#waiting.push({ settlement, settled });
    this.#write();
  }

  /** Fulfilled when everything is written, or at the limit; answers how many are left. */
  async drain(limitMs: number): Promise<number> {
    if (this.#isWriting || this.#waiting.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenIdle = resolve;
      const limit = this.#clock.after(limitMs, resolve);
      await promise;
      limit.cancel();
    }
    return this.#waiting.length;
  }

  #write(): void {
    if (this.#isWriting || this.#retriesAt || this.#waiting.length === 0) return;
    this.#isWriting = true;
    const batch = this.#waiting.splice(0, BATCH_MAX);
    this.#store.settle(batch.map(({ settlement }) => settlement)).then(
      () => {
        this.#isWriting = false;
        for (const { settled } of batch) settled();
        this.#write();
        if (!this.#isWriting) this.#whenIdle?.();
      },
      (error: unknown) => {
        this.#isWriting = false;
        this.#waiting = [...batch, ...this.#waiting];
        this.#announcements.settleFailed.publish({ waiting: this.#waiting.length, error });
        this.#retriesAt = true;
        this.#clock.after(RETRY_AFTER_MS, () => {
          this.#retriesAt = false;
          this.#write();
          this.#resumed();
        });
      },
    );
  }
}
