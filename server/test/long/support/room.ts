/** What is accepted and not delivered stays below a bound: beyond it, publishing waits. */
export class Room {
  outstanding = 0;
  readonly #max: number;
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** By so many, which may be negative. */
  grow(by: number): void {
    this.outstanding += by;
    if (this.outstanding < this.#max) this.open();
  }

  async wait(): Promise<void> {
    if (this.outstanding < this.#max) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits goes on. */
  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each();
  }
}
