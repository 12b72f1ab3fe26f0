import type { Seeded } from '../core/support/seeded.ts';
import type { Clients } from './clients.ts';
import type { Model, ModelDelivery, ModelWebhook } from './model.ts';
import { newestOf } from './model.ts';
import type { Network } from './network.ts';
import { type Profile, settingsOf } from './profile.ts';
import { HABITS, POISON, Receiver } from './receivers.ts';
import type { Scheduler } from './scheduler.ts';

export interface ScriptParts {
  random: Seeded;
  scheduler: Scheduler;
  model: Model;
  network: Network;
  profile: Profile;
}

const TYPES = ['user.created', 'user.updated', POISON, 'project.created', 'team.member.added'];
const SUBSCRIPTIONS = [['*'], ['*'], ['*'], ['user.*'], ['project.created', 'team.*'], [POISON]];
const BATCH_MAX = 40;

/** What callers and the owners of receivers do: one seeded choice after the other. */
export class Script {
  readonly #parts: ScriptParts;
  #secrets = 0;
  #keys = 0;
  #hosts = 0;

  constructor(parts: ScriptParts) {
    this.#parts = parts;
  }

  accountIds(): string[] {
    return Array.from(
      { length: this.#parts.profile.accounts },
      (_, index) => `acc_account${index}`,
    );
  }

  /** Something happens; null when it cannot now. */
  next(clients: Clients): Promise<void> | null {
    const { random } = this.#parts;
    const chance = random.fraction();
    if (chance < 0.5) return this.#publish(clients);
    const webhook = this.#anyWebhook();
    if (webhook === null || chance < 0.53) return this.createWebhook(clients);
    if (chance < 0.6) return this.#changeHabit(webhook);
    if (chance < 0.68) return this.#withDelivery((delivery) => clients.cancel(delivery));
    if (chance < 0.74) return this.#withDelivery((delivery) => clients.redeliver(delivery));
    if (chance < 0.78) return clients.test(webhook);
    if (chance < 0.81) return clients.recover(webhook, random.below(600_000));
    if (chance < 0.88) return this.#rotate(clients, webhook);
    if (chance < 0.89) return clients.remove(webhook);
    return this.#change(clients, webhook);
  }

  createWebhook(clients: Clients): Promise<void> {
    const { random } = this.#parts;
    const secret = this.#newSecret();
    const receiver = this.#newReceiver();
    if (random.below(3) === 0) {
      receiver.verifies = random.pick(['legacy', 'standard']);
      receiver.knows = new Set([secret]);
    }
    return clients.createWebhook(random.pick(this.accountIds()), secret, {
      url: this.#urlOf(receiver),
      events: random.pick(SUBSCRIPTIONS),
      settings: settingsOf(random, this.#parts.profile.schedules),
    });
  }

  /** Each takes everything from now on. */
  healAll(): void {
    for (const receiver of this.#parts.network.receivers.values()) {
      receiver.habit = 'healthy';
      receiver.knows = null;
    }
  }

  publishTo(clients: Clients, accountId: string): Promise<void> {
    return clients.publish(accountId, ['user.created'], null);
  }

  #publish(clients: Clients): Promise<void> {
    const { random } = this.#parts;
    const count = random.below(3) === 0 ? 1 + random.below(BATCH_MAX) : 1;
    const types = Array.from({ length: count }, () => random.pick(TYPES));
    // Now and then a caller sends the same call twice.
    if (random.below(10) > 0) this.#keys += 1;
    const key = random.below(3) === 0 ? null : `key ${this.#keys}`;
    return clients.publish(random.pick(this.accountIds()), types, key);
  }

  #change(clients: Clients, webhook: ModelWebhook): Promise<void> {
    const { random } = this.#parts;
    const { status } = newestOf(webhook);
    const chance = random.below(10);
    if (chance < 4 || status === 'paused') {
      const next =
        status === 'active' ? random.pick(['paused', 'paused', 'disabled'] as const) : 'active';
      const disabledReason = next === 'disabled' ? 'owner' : null;
      return clients.change(webhook, { status: next, disabledReason });
    }
    if (chance < 6) return clients.change(webhook, { url: this.#urlOf(this.#newReceiver()) });
    if (chance < 7) return clients.change(webhook, { events: random.pick(SUBSCRIPTIONS) });
    return clients.change(webhook, { settings: settingsOf(random, this.#parts.profile.schedules) });
  }

  /** The receiver learns of the new secret some time before or after, and forgets the old one, or not. */
  #rotate(clients: Clients, webhook: ModelWebhook): Promise<void> {
    const { random, scheduler } = this.#parts;
    const { secret: old } = newestOf(webhook);
    const secret = this.#newSecret();
    const receiver = this.#receiverOf(webhook);
    if (receiver !== undefined) {
      receiver.verifies = random.pick(['legacy', 'standard']);
      receiver.knows ??= new Set([old]);
      const { knows } = receiver;
      const learnsInMs = random.pick([0, 50, 5_000, 60_000]);
      scheduler.after(learnsInMs, () => {
        knows.add(secret);
        if (random.below(2) === 0) knows.delete(old);
      });
    }
    return clients.rotate(webhook, secret, random.below(5) > 0);
  }

  #changeHabit(webhook: ModelWebhook): null {
    const receiver = this.#receiverOf(webhook);
    if (receiver !== undefined) receiver.habit = this.#habit();
    return null;
  }

  #habit() {
    const { random } = this.#parts;
    return random.below(2) === 0 ? 'healthy' : random.pick(HABITS);
  }

  #withDelivery(act: (delivery: ModelDelivery) => Promise<void>): Promise<void> | null {
    const { random, model } = this.#parts;
    const webhook = this.#anyWebhook();
    const pending = [...(webhook?.pending.values() ?? [])];
    const inProgress = pending.filter(({ exchanges }) => exchanges.at(-1)?.ended === null);
    const some = inProgress.length > 0 && random.below(2) === 0 ? inProgress : pending;
    const all = some.length > 0 && random.below(3) > 0 ? some : [...model.deliveries.values()];
    // What is new is more interesting.
    const index = Math.floor(all.length * (1 - random.fraction() ** 2 * 0.999));
    const delivery = all[Math.min(index, all.length - 1)];
    return delivery === undefined ? null : act(delivery);
  }

  #anyWebhook(): ModelWebhook | null {
    const { random, model } = this.#parts;
    const live = [...model.webhooks.values()].filter((one) => newestOf(one).status !== 'deleted');
    return live.length === 0 ? null : random.pick(live);
  }

  #receiverOf(webhook: ModelWebhook): Receiver | undefined {
    return this.#parts.network.receivers.get(new URL(newestOf(webhook).url).host);
  }

  #newReceiver(): Receiver {
    return new Receiver(this.#habit(), this.#parts.random);
  }

  #urlOf(receiver: Receiver): string {
    this.#hosts += 1;
    const host = `receiver${this.#hosts}.example`;
    this.#parts.network.receivers.set(host, receiver);
    return `https://${host}/`;
  }

  #newSecret(): string {
    this.#secrets += 1;
    return `a secret of this run, number ${this.#secrets}`;
  }
}
