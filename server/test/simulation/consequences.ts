import type { Life } from './lives.ts';
import { type ModelExchange, type ModelWebhook, newestOf, type Version } from './model.ts';
import type { WatchParts } from './watch.ts';

/** What follows is written so soon, unless the store fails or the process falls. */
const WRITTEN_MS = 5_000;

/** What has to follow from exchanges, beside the next attempt: at once, or a little later. */
export class Consequences {
  readonly #parts: WatchParts;
  readonly #rounds = new WeakMap<ModelWebhook, FailedRounds>();

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** How often in turn the receiver at this URL has struggled since it was last well, in this life. */
  failedRounds(webhook: ModelWebhook, url: string, life: Life): number {
    const rounds = this.#rounds.get(webhook);
    return rounds?.url === url && rounds.life === life ? rounds.count : 0;
  }

  /** What had begun before the end of a round is of that round. */
  ended(exchange: ModelExchange): void {
    const { delivery, url, life, ended } = exchange;
    if (ended === null) return;
    // A second try is of the round of the first.
    const { sentAt } =
      delivery.exchanges.find((one) => one.life === life && one.number === exchange.number) ??
      exchange;
    const { webhook } = delivery;
    let rounds = this.#rounds.get(webhook);
    if (rounds?.url !== url || rounds.life !== life) rounds = { url, life, count: 0, endedAt: 0 };
    this.#rounds.set(webhook, rounds);
    if (ended.status !== null && ended.status < 300) rounds.count = 0;
    else if (isStruggling(ended.status) && sentAt >= rounds.endedAt) {
      rounds.count += 1;
      rounds.endedAt = ended.monotonic;
    }
  }

  /** The engine has heard of it, and has done at once what follows. */
  told(exchange: ModelExchange): void {
    const { webhook } = exchange.delivery;
    const [only, ...others] = webhook.versions.slice(exchange.allowed);
    if (only === undefined || others.length > 0 || exchange.life.isOver) return;
    this.#checkGone(exchange, webhook, only);
    if (exchange.isSecondTry) this.#checkPreference(exchange, webhook, only);
    else if (!hasBeenRead(webhook, exchange)) this.#checkSecondTry(exchange, only);
  }

  /** A hold is there after a restart, too. */
  held(webhook: ModelWebhook): void {
    const { hold } = webhook;
    if (hold === null) return;
    const version = newestOf(webhook);
    this.#soon(hold.life, webhook, version, () => {
      if (webhook.hold !== hold) return;
      this.#check(hold.isStored, () => `a hold of ${webhook.ref.webhookId} is not stored`);
    });
  }

  /** A receiver that knows the other secret of an overlap gets it at once. */
  #checkSecondTry(exchange: ModelExchange, version: Version): void {
    const { ended, delivery, number, signedWith, life } = exchange;
    if (ended === null || (ended.status !== 401 && ended.status !== 403)) return;
    if (version.before === null || ended.at >= version.before.until) return;
    if (delivery.status !== 'pending' || (delivery.webhook.hold?.until ?? 0) > ended.at) return;
    if (version.settings.rateLimit !== null || !this.#parts.mayStart(exchange)) return;
    const second = delivery.exchanges.at(-1);
    if (second !== exchange && second?.number === number && second.signedWith !== signedWith)
      return;
    // The engine may be closing the lane by itself: then there is another version soon.
    this.#soon(life, delivery.webhook, version, () => {
      this.#check(
        false,
        () => `attempt ${number} of ${delivery.id} is not sent with the other secret`,
      );
    });
  }

  /** That the receiver knows the new secret is stored. */
  #checkPreference(exchange: ModelExchange, webhook: ModelWebhook, version: Version): void {
    const { ended, life, signedWith, delivery } = exchange;
    const isWell = ended !== null && ended.status !== null && ended.status < 300;
    if (!isWell || signedWith !== version.secret) return;
    this.#soon(life, webhook, version, () => {
      this.#check(
        webhook.prefersNewSince !== null,
        () => `that ${delivery.id} was taken with the new secret is not stored`,
      );
    });
  }

  /** A receiver that is gone is not asked again, when its webhook is set so. */
  #checkGone({ ended, life }: ModelExchange, webhook: ModelWebhook, version: Version): void {
    const onGone = version.settings.onGone ?? this.#parts.onGone;
    if (ended?.status !== 410 || onGone !== 'disable' || hasBeenAsked(webhook, ended)) return;
    this.#soon(life, webhook, version, () => {
      // A version of its own would have been the disabled one.
      this.#check(false, () => `${webhook.ref.webhookId} is gone and not disabled`);
    });
  }

  /** Looks a little later, unless something has come between. */
  #soon(life: Life, webhook: ModelWebhook, version: Version, look: () => void): void {
    this.#parts.scheduler.after(WRITTEN_MS, () => {
      if (life.isOver || newestOf(webhook) !== version || !this.#parts.storeIsWell()) return;
      look();
    });
  }

  #check(holds: boolean, message: () => string): void {
    this.#parts.trace.check(holds, message);
  }
}

interface FailedRounds {
  url: string;
  life: Life;
  count: number;
  /** Monotonic. */
  endedAt: number;
}

function isStruggling(status: number | null): boolean {
  return status === null || status === 429 || status >= 500;
}

/** The webhook was read again meanwhile, or is being read: nothing begins under what it was before. */
function hasBeenRead({ askedAt, readAt }: ModelWebhook, { sentAt }: ModelExchange): boolean {
  return askedAt >= sentAt || readAt >= sentAt;
}

/** It is being read at this moment, perhaps: its gate is closed already. */
function hasBeenAsked({ askedAt }: ModelWebhook, { monotonic }: { monotonic: number }): boolean {
  return askedAt > monotonic - WRITTEN_MS;
}
