import type { LaneMemory } from '../core/model.ts';
import type { Clock, Store, Timer } from '../core/ports.ts';
import type { Lane } from './lane.ts';

const WRITE_EVERY_MS = 2_000;
const WRITE_MAX = 500;

/**
 * Writes down what lanes know of their receivers, coarsely: what a restart has to know, and no write for
 * each attempt. A write that fails is made again with the next.
 */
export class LaneMemories {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #changed = new Set<Lane>();
  readonly #written = new WeakMap<Lane, LaneMemory>();
  #timer: Timer | null = null;

  constructor({ store, clock }: { store: Store; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Something about this lane's receiver may have changed. */
  note(lane: Lane): void {
    const { receiver } = lane;
    const known = this.#written.get(lane);
    if (known !== undefined && known.health === receiver.health) {
      const hasChanged =
        (known.failingSince === null) !== (receiver.failingSince === null) ||
        receiver.failedAttempts >= 2 * Math.max(1, known.failedAttempts) ||
        isOtherTime(known.usualMs, receiver.usualMs);
      if (!hasChanged) return;
    }
    this.#changed.add(lane);
    this.#timer ??= this.#clock.after(WRITE_EVERY_MS, () => void this.#writeSome());
  }

  /** What it knows is not written any more. */
  forget(lane: Lane): void {
    this.#changed.delete(lane);
  }

  /** Writes all of it, or what these know. */
  async flush(lanes: readonly Lane[] | null = null): Promise<void> {
    if (lanes === null) this.#timer?.cancel();
    const left = () => (lanes ?? [...this.#changed]).filter((lane) => this.#changed.has(lane));
    while (left().length > 0) if (!(await this.#write(left()))) return;
  }

  async #writeSome(): Promise<void> {
    await this.#write([...this.#changed]);
    this.#timer =
      this.#changed.size > 0
        ? this.#clock.after(WRITE_EVERY_MS, () => void this.#writeSome())
        : null;
  }

  async #write(all: readonly Lane[]): Promise<boolean> {
    const lanes = all.slice(0, WRITE_MAX);
    for (const lane of lanes) this.#changed.delete(lane);
    const done = await Promise.allSettled(lanes.map((lane) => this.#remember(lane)));
    lanes.forEach((lane, index) => {
      if (done[index]?.status === 'rejected' && lane.gate !== 'lost') this.#changed.add(lane);
    });
    return done.every(({ status }) => status === 'fulfilled');
  }

  async #remember(lane: Lane): Promise<void> {
    const memory = lane.receiver.memory();
    await this.#store.rememberLane(lane.ref, memory);
    this.#written.set(lane, memory);
  }
}

/** More than twice, or less than half. */
function isOtherTime(known: number | null, now: number | null): boolean {
  if (known === null || now === null) return known !== now;
  return now > 2 * known + 10 || known > 2 * now + 10;
}
