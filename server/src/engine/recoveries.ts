import type { Clock, Store, WebhookRef } from '../core/ports.ts';
import type { Gates } from './gates.ts';
import type { Lane } from './lane.ts';
import type { Tenures } from './tenures.ts';

/** Events that one step looks at. */
const STEP_EVENTS = 100;
/** A recovery adds to a lane that has no more waiting than this: live deliveries go between. */
const WAITING_MAX = 32;
const STEP_EVERY_MS = 50;
/** While the webhook is paused, or the store cannot be used. */
const LOOK_AGAIN_MS = 500;

/**
 * Recoveries at their pace: a step only when the lane has little to do, so that what is published
 * meanwhile never waits behind a month of missed events. The position is in the store: whoever owns the
 * lane after a restart goes on from there.
 */
export class Recoveries {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #gates: Gates;
  readonly #tenures: Tenures;
  readonly #running = new Set<string>();
  #isHeld = false;

  constructor(
    { store, clock }: { store: Store; clock: Clock },
    { gates, tenures }: { gates: Gates; tenures: Tenures },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#gates = gates;
    this.#tenures = tenures;
  }

  begin(webhook: WebhookRef, id: string): void {
    if (this.#running.has(id)) return;
    this.#running.add(id);
    void this.#goOn(webhook, id);
  }

  /** Starts no step any more; what is done is stored. */
  hold(): void {
    this.#isHeld = true;
  }

  async #goOn(webhook: WebhookRef, id: string): Promise<void> {
    // Whoever owns the shard goes on with it.
    const isOurs = this.#tenures.of(webhook.webhookId) !== undefined;
    if (this.#isHeld || !isOurs) {
      this.#running.delete(id);
      return;
    }
    const waitMs = await this.#step(webhook, id);
    if (waitMs === null) this.#running.delete(id);
    else this.#clock.after(waitMs, () => void this.#goOn(webhook, id));
  }

  /** How long to wait before the next step; null when there is none. */
  async #step(webhook: WebhookRef, id: string): Promise<number | null> {
    // One that is not in memory has nothing to do: what this step makes pending brings it back.
    const lane = this.#gates.find(webhook.webhookId);
    if (lane?.gate === 'paused') return LOOK_AGAIN_MS;
    if (lane !== undefined && isBusy(lane)) return STEP_EVERY_MS;
    const { accountId } = webhook;
    const step = { accountId, id, limit: STEP_EVENTS, now: this.#clock.now() };
    try {
      const { isDone } = await this.#store.recoverStep(step);
      return isDone ? null : STEP_EVERY_MS;
    } catch {
      return LOOK_AGAIN_MS;
    }
  }
}

/** It has something to send, or may not send now. What waits for a retry later is no reason to wait. */
function isBusy(lane: Lane): boolean {
  if (lane.gate === 'ended') return false;
  return lane.gate !== 'open' || lane.more || lane.isRefilling || lane.waiting > WAITING_MAX;
}
