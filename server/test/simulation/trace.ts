import { createHash } from 'node:crypto';

const KEPT = 400;

/** What happened, line by line: its digest says whether two runs were the same. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #newest: string[] = [];
  readonly #time: () => number;
  readonly #isShown: boolean;
  readonly violations: string[] = [];

  constructor(time: () => number, isShown: boolean) {
    this.#time = time;
    this.#isShown = isShown;
  }

  say(line: string): void {
    const dated = `${this.#time().toFixed(3)} ${line}`;
    this.#hash.update(dated);
    if (this.#isShown) console.log(dated);
    if (this.#newest.push(dated) > 2 * KEPT) this.#newest.splice(0, KEPT);
  }

  /** An invariant is broken. */
  violated(message: string): void {
    this.say(`VIOLATION ${message}`);
    this.violations.push(message);
  }

  check(holds: boolean, message: () => string): void {
    if (!holds) this.violated(message());
  }

  newest(): readonly string[] {
    return this.#newest.slice(-KEPT);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
