import { covers } from '../core/event-types.ts';
import type { Store, Subscriptions } from '../core/ports.ts';

/** Accounts whose subscriptions are kept; beyond, all are forgotten and read again as needed. */
const ACCOUNTS_MAX = 10_000;
/** Types per account whose matches are kept. */
const TYPES_MAX = 1_000;

export interface Match {
  webhooksVersion: number;
  webhookIds: readonly string[];
}

interface Entry {
  subscriptions: Subscriptions;
  byType: Map<string, Match>;
}

/**
 * Which webhooks an event goes to. It may be out of date: the store compares the version inside the
 * publish transaction, and whoever hears `stale` forgets the account and matches again.
 */
export class SubscriptionCache {
  readonly #accounts = new Map<string, Entry>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async match(accountId: string, type: string): Promise<Match> {
    const { subscriptions, byType } =
      this.#accounts.get(accountId) ?? (await this.#read(accountId));
    const known = byType.get(type);
    if (known !== undefined) return known;
    const match: Match = {
      webhooksVersion: subscriptions.version,
      webhookIds: subscriptions.webhooks
        .filter(({ events }) => events.some((subscription) => covers(subscription, type)))
        .map(({ id }) => id),
    };
    if (byType.size >= TYPES_MAX) byType.clear();
    byType.set(type, match);
    return match;
  }

  forget(accountId: string): void {
    this.#accounts.delete(accountId);
  }

  async #read(accountId: string): Promise<Entry> {
    const entry = { subscriptions: await this.#store.subscriptions(accountId), byType: new Map() };
    if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear();
    this.#accounts.set(accountId, entry);
    return entry;
  }
}
