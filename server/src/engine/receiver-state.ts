import type { LaneHealth, LaneMemory } from '../core/model.ts';
import type { Verdict } from '../core/outcome.ts';

/** The window of a receiver that has shown that it is well. */
const WINDOW_PROVEN = 8;
const WINDOW_MIN = 1;
/** A receiver's usual time is a moving average: so much of each new one. */
const USUAL_SHARE = 0.1;
/** An exchange is late after four times the usual time, within these bounds; or when nobody knows it. */
const LATE_MS_MIN = 300;
const LATE_MS_MAX = 2_000;
const LATE_MS_UNKNOWN = 1_000;
const LATE_TIMES_USUAL = 4;
/** Between two probes with what has been waiting: doubled with each that fails. */
const PROBE_GAP_MS_MIN = 100;
const PROBE_GAP_MS_MAX = 1_000;

/**
 * What is known of a receiver, and how much it gets at a time.
 *
 * The window is additive increase, multiplicative decrease: 1 until the first success, then 8; one more
 * with a success while the window was the limit; half, once per round, when the receiver struggles. A
 * round is what had begun before the last halving: one bad moment counts once, however many exchanges
 * were in progress. At 1 it probes.
 */
export class ReceiverState {
  health: LaneHealth;
  usualMs: number | null;
  failingSince: number | null;
  failedAttempts: number;
  /** Something was waiting and the window had no place for it. */
  wasLimit = false;
  /** Of this webhook; a change of it holds from the next exchange on. */
  windowMax: number;
  #window: number;
  #halvedAt = Number.NEGATIVE_INFINITY;
  #failedRounds = 0;
  #probeAt = Number.NEGATIVE_INFINITY;

  constructor(memory: LaneMemory | null, windowMax: number) {
    this.health = memory?.health ?? 'new';
    this.usualMs = memory?.usualMs ?? null;
    this.failingSince = memory?.failingSince ?? null;
    this.failedAttempts = memory?.failedAttempts ?? 0;
    this.windowMax = windowMax;
    this.#window = this.health === 'proven' ? WINDOW_PROVEN : WINDOW_MIN;
  }

  /** Exchanges in progress at once. */
  get slots(): number {
    return Math.min(this.windowMax, Math.floor(this.#window));
  }

  get isProbing(): boolean {
    return this.health === 'failing' && this.slots === WINDOW_MIN;
  }

  /** While it probes: not before this moment (monotonic) with a delivery that has been waiting. */
  get probeAt(): number {
    return this.isProbing ? this.#probeAt : Number.NEGATIVE_INFINITY;
  }

  /** When an exchange has taken too long to be this receiver's usual one. */
  get lateMs(): number {
    if (this.usualMs === null) return LATE_MS_UNKNOWN;
    return Math.min(LATE_MS_MAX, Math.max(LATE_MS_MIN, LATE_TIMES_USUAL * this.usualMs));
  }

  /** An exchange has ended. `began` and `ended` are monotonic, `at` is the wall clock's. */
  ended(
    verdict: Verdict,
    { began, ended, at }: { began: number; ended: number; at: number },
  ): void {
    switch (verdict) {
      case 'well':
        this.#wentWell(ended - began);
        break;
      case 'struggling':
        this.#countFailure(at);
        this.#struggled(began, ended);
        break;
      case 'refused':
        this.#countFailure(at);
        break;
    }
  }

  memory(): LaneMemory {
    const { health, usualMs, failingSince, failedAttempts } = this;
    return {
      health,
      usualMs: usualMs === null ? null : Math.round(usualMs),
      failingSince,
      failedAttempts,
    };
  }

  #wentWell(tookMs: number): void {
    if (this.health !== 'proven') {
      this.health = 'proven';
      this.#window = Math.max(this.#window, WINDOW_PROVEN);
    } else if (this.wasLimit && this.#window < this.windowMax) {
      this.#window = Math.min(this.windowMax, this.#window + 1);
    }
    this.wasLimit = false;
    this.failingSince = null;
    this.failedAttempts = 0;
    this.#failedRounds = 0;
    this.usualMs =
      this.usualMs === null ? tookMs : this.usualMs + USUAL_SHARE * (tookMs - this.usualMs);
  }

  #countFailure(at: number): void {
    this.failingSince ??= at;
    this.failedAttempts += 1;
  }

  #struggled(began: number, ended: number): void {
    this.health = 'failing';
    if (began < this.#halvedAt) return;
    this.#window = Math.max(WINDOW_MIN, Math.min(this.#window, this.windowMax) / 2);
    this.#halvedAt = ended;
    this.#failedRounds += 1;
    const gapMs = PROBE_GAP_MS_MIN * 2 ** Math.min(this.#failedRounds - 1, 10);
    this.#probeAt = ended + Math.min(gapMs, PROBE_GAP_MS_MAX);
  }
}
