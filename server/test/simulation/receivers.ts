import type { AttemptFailure } from '../../src/core/model.ts';
import type { Seeded } from '../core/support/seeded.ts';

export const HABITS = [
  'healthy',
  'slow',
  'hanging',
  'failing',
  'busy',
  'gone',
  'refusing',
  'flapping',
  'losing',
  'poisoned',
] as const;
export type Habit = (typeof HABITS)[number];

/** The one type of event that a poisoned receiver cannot take. */
export const POISON = 'user.deleted';

/** What a receiver does with one request. */
export interface Reaction {
  /** From the send to the end; null: it never ends by itself. */
  afterMs: number | null;
  status: number | null;
  failure: AttemptFailure | null;
  /** Milliseconds that it asks to wait, and how it says so. */
  askMs: number | null;
  askAs: 'seconds' | 'date';
}

const REFUSALS = ['connection_refused', 'connection_failed', 'dns_failed', 'tls_failed'] as const;

/** Somebody's server, by its habit; it may change its habit, and which secrets it knows. */
export class Receiver {
  habit: Habit;
  /** The secrets that it goes by; null: it verifies nothing. */
  knows: Set<string> | null = null;
  /** Which of the two signatures it looks at. */
  verifies: 'legacy' | 'standard' = 'legacy';
  readonly #random: Seeded;
  readonly #usualMs: number;

  constructor(habit: Habit, random: Seeded) {
    this.habit = habit;
    this.#random = random;
    this.#usualMs = 2 + 60 * random.fraction() ** 2;
  }

  /** `signedWith`: the secrets whose signatures it finds in the headers. */
  react(eventType: string, signedWith: readonly string[]): Reaction {
    const { knows } = this;
    const isStranger = knows !== null && !signedWith.some((secret) => knows.has(secret));
    if (isStranger) return this.#refuse();
    switch (this.habit) {
      case 'healthy':
        return this.#answer(this.#random.pick([200, 200, 201, 204]));
      case 'slow':
        return { ...this.#answer(200), afterMs: 500 + 11_000 * this.#random.fraction() };
      case 'hanging':
        return { ...this.#answer(200), afterMs: null };
      case 'failing':
        return this.#answer(this.#random.pick([500, 502, 400, 404, 302]));
      case 'busy':
        return this.#busy();
      case 'gone':
        return this.#answer(410);
      case 'refusing':
        return this.#failure(this.#random.pick(REFUSALS));
      case 'flapping':
        return this.#flap();
      case 'losing':
        return this.#random.below(2) === 0 ? this.#answer(200) : this.#failure('connection_reset');
      case 'poisoned':
        return this.#answer(eventType === POISON ? 500 : 200);
    }
  }

  /** At once, or after it has thought about it. */
  #refuse(): Reaction {
    const refusal = this.#answer(this.#random.pick([401, 403]));
    const thinksMs = this.#random.pick([0, 0, 200, 2_000]);
    return { ...refusal, afterMs: (refusal.afterMs ?? 0) + thinksMs * this.#random.fraction() };
  }

  #flap(): Reaction {
    const chance = this.#random.below(6);
    if (chance === 0) return { ...this.#answer(200), afterMs: null };
    if (chance === 1) return this.#failure('connection_reset');
    return this.#answer(chance === 2 ? 500 : 200);
  }

  #busy(): Reaction {
    if (this.#random.below(4) === 0) return this.#answer(200);
    const answer = this.#answer(this.#random.pick([429, 503]));
    if (this.#random.below(3) === 0) return answer;
    const askMs = 1_000 * (1 + this.#random.below(90));
    return { ...answer, askMs, askAs: this.#random.pick(['seconds', 'date']) };
  }

  #answer(status: number): Reaction {
    const afterMs = this.#usualMs * (0.5 + this.#random.fraction());
    return { afterMs, status, failure: null, askMs: null, askAs: 'seconds' };
  }

  #failure(failure: AttemptFailure): Reaction {
    return { ...this.#answer(0), status: null, failure };
  }
}
