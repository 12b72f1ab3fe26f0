import type { Announcements } from '../core/announcements.ts';
import type { Clock, PendingWebhook, Store, Timer, WebhookRef } from '../core/ports.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Gates } from './gates.ts';
import type { Tenures } from './tenures.ts';

const EVERY_MS = 60_000;
const PAGE = 200;
/** So long after the first look the same delivery has to be there still, and unknown. */
const GRACE_MS = 10_000;

/**
 * Looks, slowly and in pages, for what is due and not known to its lane. There is nothing to be found:
 * each find is a defect, which is announced and mended. What looks like one is looked at twice, because
 * it may have been on its way.
 */
export class Sweep {
  readonly #ports: { store: Store; clock: Clock; announcements: Announcements };
  readonly #tenures: Tenures;
  readonly #gates: Gates;
  readonly #dispatcher: Dispatcher;
  #after: WebhookRef | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(
    ports: { store: Store; clock: Clock; announcements: Announcements },
    parts: { tenures: Tenures; gates: Gates; dispatcher: Dispatcher },
  ) {
    this.#ports = ports;
    this.#tenures = parts.tenures;
    this.#gates = parts.gates;
    this.#dispatcher = parts.dispatcher;
  }

  start(): void {
    if (!this.#isStopped) this.#timer ??= this.#ports.clock.after(EVERY_MS, () => this.#begin());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #begin(): void {
    this.#timer = null;
    void this.#loop();
  }

  async #loop(): Promise<void> {
    try {
      await this.#sweepPage();
    } catch {
      // The store cannot be read now: the next round looks again.
    }
    this.start();
  }

  async #sweepPage(): Promise<void> {
    const { store, clock } = this.#ports;
    const page = await store.webhooksWithPending({
      after: this.#after,
      limit: PAGE,
      counts: false,
      shards: this.#tenures.shards(),
    });
    this.#after = page.next;
    for (const item of page.items) {
      if (!this.#isUnheard(item)) continue;
      const seq = await this.#firstDue(item);
      clock.after(GRACE_MS, () => void this.#lookAgain(item, seq));
    }
  }

  async #lookAgain(item: PendingWebhook, seq: number | undefined): Promise<void> {
    if (this.#isStopped || !this.#isUnheard(item)) return;
    try {
      if (seq === undefined || (await this.#firstDue(item)) !== seq) return;
    } catch {
      return;
    }
    const { accountId, webhookId, dueAt } = item;
    const lane = this.#gates.laneOf(item);
    if (lane === undefined) return;
    this.#ports.announcements.unheard.publish({ accountId, webhookId, dueAt });
    lane.more = true;
    this.#dispatcher.offer(lane);
    this.#dispatcher.dispatch();
  }

  async #firstDue({ accountId, webhookId }: WebhookRef): Promise<number | undefined> {
    const page = { dueBefore: this.#ports.clock.now(), limit: 1, bytesMax: 1, except: [] };
    const found = await this.#ports.store.due({ accountId, webhookId, ordering: 'none', ...page });
    return found.deliveries[0]?.seq;
  }

  #isUnheard({ webhookId, dueAt }: PendingWebhook): boolean {
    if (dueAt > this.#ports.clock.now() - GRACE_MS) return false;
    if (this.#tenures.of(webhookId) === undefined) return false;
    const lane = this.#gates.find(webhookId);
    if (lane === undefined) return true;
    if (lane.gate !== 'open' || lane.more || lane.isRefilling) return false;
    if (lane.waiting > 0 || lane.unsettled.size > 0) return false;
    // Also one whose read failed, and is made again shortly.
    const wakesAt = this.#dispatcher.dueOf(lane) ?? Number.POSITIVE_INFINITY;
    return wakesAt > Math.max(dueAt, this.#ports.clock.now()) + GRACE_MS;
  }
}
