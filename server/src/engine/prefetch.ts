/** What has to be known of a lane here. */
export interface Keeper {
  /** What it keeps and has not started. */
  readonly waiting: number;
  more: boolean;
  dropWaiting(): void;
}

/**
 * What all lanes keep in memory and have not started, in all. When it is full, lanes that cannot send
 * now give theirs up first: the store has it, and they read it again when they can.
 */
export class Prefetch<Lane extends Keeper> {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #isStuck: (lane: Lane) => boolean;
  /** Those that keep something, in the order in which they began to. */
  readonly #lanes = new Set<Lane>();
  #count = 0;
  #bytes = 0;

  constructor(
    bounds: { countMax: number; bytesMax: number },
    /** Whether a lane cannot send now. */
    isStuck: (lane: Lane) => boolean,
  ) {
    this.#countMax = bounds.countMax;
    this.#bytesMax = bounds.bytesMax;
    this.#isStuck = isStuck;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  keep(lane: Lane, bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
    if (lane.waiting === 1) this.#lanes.add(lane);
  }

  letGo(lane: Lane, bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    if (lane.waiting === 0) this.#lanes.delete(lane);
  }

  /** Whether more can be kept, after those that cannot send have given theirs up. */
  hasRoom(): boolean {
    if (this.#isFull()) this.#giveUp();
    return !this.#isFull();
  }

  #isFull(): boolean {
    return this.#count >= this.#countMax || this.#bytes >= this.#bytesMax;
  }

  /** Down to three quarters, so that it is not done again for each one that comes. */
  #giveUp(): void {
    for (const lane of this.#lanes) {
      if (this.#count <= this.#countMax * KEPT && this.#bytes <= this.#bytesMax * KEPT) return;
      if (!this.#isStuck(lane)) continue;
      lane.dropWaiting();
      lane.more = true;
    }
  }
}

const KEPT = 3 / 4;
