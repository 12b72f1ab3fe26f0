import { covers } from '../core/event-types.ts';
import type { Store, Subscriptions } from '../core/ports.ts';

/** Accounts whose subscriptions are kept; beyond, all are forgotten and read again as needed. */
const ACCOUNTS_MAX = 10_000;
/** Types per account whose matches are kept. */
const TYPES_MAX = 1_000;

/**
 * Which webhooks an event goes to. It may be out of date: the store compares the version inside the
 * publish transaction, and whoever hears `stale` forgets what it had and matches again. Many hear it at
 * once when a webhook of a busy account changes: they share one reading.
 */
export class SubscriptionCache {
  readonly #accounts = new Map<string, Matcher>();
  readonly #reading = new Map<string, Promise<Matcher>>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async matcher(accountId: string): Promise<Matcher> {
    return this.#accounts.get(accountId) ?? (await this.#readOnce(accountId));
  }

  /** This one is out of date; what was read since stays. */
  forget(accountId: string, matcher: Matcher): void {
    if (this.#accounts.get(accountId) === matcher) this.#accounts.delete(accountId);
  }

  #readOnce(accountId: string): Promise<Matcher> {
    const underWay = this.#reading.get(accountId);
    if (underWay !== undefined) return underWay;
    const reading = this.#read(accountId).finally(() => this.#reading.delete(accountId));
    this.#reading.set(accountId, reading);
    return reading;
  }

  async #read(accountId: string): Promise<Matcher> {
    const matcher = new Matcher(await this.#store.subscriptions(accountId));
    if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear();
    this.#accounts.set(accountId, matcher);
    return matcher;
  }
}

/** The subscriptions of one account, at one version. */
export class Matcher {
  readonly #subscriptions: Subscriptions;
  readonly #byType = new Map<string, readonly string[]>();

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  get webhooksVersion(): number {
    return this.#subscriptions.version;
  }

  webhookIds(type: string): readonly string[] {
    const known = this.#byType.get(type);
    if (known !== undefined) return known;
    const ids = this.#subscriptions.webhooks
      .filter(({ events }) => events.some((subscription) => covers(subscription, type)))
      .map(({ id }) => id);
    if (this.#byType.size >= TYPES_MAX) this.#byType.clear();
    this.#byType.set(type, ids);
    return ids;
  }
}
