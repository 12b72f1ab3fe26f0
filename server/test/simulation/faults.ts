import type { Seeded } from '../core/support/seeded.ts';
import type { Network } from './network.ts';
import type { Profile } from './profile.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedStore } from './simulated-store.ts';
import type { Trace } from './trace.ts';

export interface FaultParts {
  random: Seeded;
  scheduler: Scheduler;
  trace: Trace;
  profile: Profile;
  store: SimulatedStore;
  network: Network;
}

const TURN_MS_MAX = 3;
const SLOW_TURN_MS_MAX = 2_000;
const FAILING_MS_MAX = 8_000;
const SLOW_MS_MAX = 20_000;
const SHORTAGE_MS_MAX = 3_000;
const JUMPS_MS = [2_000, 90_000, 2 * 60 * 60_000];

/** What goes wrong in a run, and when. */
export class Faults {
  readonly #parts: FaultParts;
  readonly #process: { crash(): void; drain(): void };
  #isOver = false;

  /** `process`: what may happen to the one that runs now. */
  constructor(parts: FaultParts, process: { crash(): void; drain(): void }) {
    this.#parts = parts;
    this.#process = process;
  }

  /** Nothing goes wrong any more. */
  stop(): void {
    const { store, network } = this.#parts;
    this.#isOver = true;
    store.turned = () => {};
    network.wasSent = () => {};
    Object.assign(store.faults, { failing: 'none', turnMsMax: TURN_MS_MAX, lostHandOvers: 0 });
    network.faults.shortage = 0;
  }

  /** From now on, spread over the script. */
  plan(): void {
    const { faults } = this.#parts.profile;
    if (faults.crashes) this.#repeatedly(() => this.#armCrash());
    if (faults.failingStore) {
      this.#repeatedly(() => {
        this.#parts.store.faults.failing = this.#parts.random.pick(['writes', 'all']);
        this.#later(FAILING_MS_MAX, () => {
          this.#parts.store.faults.failing = 'none';
        });
      });
    }
    if (faults.slowStore) {
      this.#repeatedly(() => {
        this.#parts.store.faults.turnMsMax = SLOW_TURN_MS_MAX;
        this.#later(SLOW_MS_MAX, () => {
          this.#parts.store.faults.turnMsMax = TURN_MS_MAX;
        });
      });
    }
    if (faults.jumps) {
      this.#repeatedly(() => {
        const ms = this.#parts.random.pick(JUMPS_MS);
        const byMs = Math.floor(ms * (2 * this.#parts.random.fraction() - 1));
        this.#parts.trace.say(`the clock is set by ${byMs}`);
        this.#parts.scheduler.jump(byMs);
      });
    }
    if (faults.shortage) {
      this.#repeatedly(() => {
        this.#parts.network.faults.shortage = 0.5;
        this.#later(SHORTAGE_MS_MAX, () => {
          this.#parts.network.faults.shortage = 0;
        });
      });
    }
    if (faults.lostHandOvers) this.#parts.store.faults.lostHandOvers = 0.2;
  }

  /** A few times within the script. */
  #repeatedly(happen: () => void): void {
    const { gapMsMax, operations } = this.#parts.profile;
    const spanMs = (gapMsMax / 4) * operations * 0.66;
    const times = 1 + this.#parts.random.below(4);
    for (let time = 0; time < times; time++) {
      this.#parts.scheduler.after(spanMs * this.#parts.random.fraction(), () => {
        if (!this.#isOver) happen();
      });
    }
  }

  #later(msMax: number, happen: () => void): void {
    this.#parts.scheduler.after(msMax * this.#parts.random.fraction() ** 2, () => {
      if (!this.#isOver) happen();
    });
  }

  /** At once, or at the next moment of a kind: after a commit and before anybody hears of it, for one. */
  #armCrash(): void {
    const random = this.#parts.random;
    const kind = random.below(6);
    if (kind === 0) this.#process.crash();
    else if (kind === 1) this.#process.drain();
    else if (kind === 2) this.#crashAfterSends(1 + random.below(5));
    else {
      const operation = random.pick(['settle', 'settle', 'publish', 'target', 'due', 'any']);
      this.#parts.store.turned = (operations) => {
        if (operation !== 'any' && !operations.includes(operation)) return;
        this.#parts.store.turned = () => {};
        this.#process.crash();
      };
    }
  }

  #crashAfterSends(count: number): void {
    let left = count;
    this.#parts.network.wasSent = () => {
      left -= 1;
      if (left > 0) return;
      this.#parts.network.wasSent = () => {};
      this.#process.crash();
    };
  }
}
