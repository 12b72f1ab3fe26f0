import { PosthornError } from '../core/errors.ts';
import { eventBody } from '../core/event-body.ts';
import { checkSubscriptions, TEST_EVENT_TYPE } from '../core/event-types.ts';
import type { Webhook, WebhookStatus } from '../core/model.ts';
import { type Once, type Outcome, onceRecord, outcomeOf } from '../core/once.ts';
import type { Page, PageRequest, TestOutcome, WebhookChanges } from '../core/ports.ts';
import { checkSecret, generateSecret, secretHint } from '../core/secret.ts';
import { secretPlace } from '../core/secret-place.ts';
import { checkWebhookUrl } from '../core/webhook-url.ts';
import type { Catalogue } from './catalogue.ts';
import type { ServicePorts } from './ports.ts';

/** More than any exchange takes: an idempotency key is not held for longer by a call that was lost. */
const IN_PROGRESS_MAX_MS = 10 * 60_000;

export interface NewWebhook {
  url: string;
  events: readonly string[];
  secret?: string;
  description?: string;
}

export interface WebhookPatch {
  url?: string;
  events?: readonly string[];
  secret?: string;
  description?: string;
  status?: WebhookStatus;
}

export interface CreatedWebhook {
  webhook: Webhook;
  /** Shown this once; null when the caller gave a secret. */
  generatedSecret: string | null;
}

export type TestResult = TestOutcome & { eventId: string };

export class Webhooks {
  readonly #ports: ServicePorts;
  readonly #catalogue: Catalogue;

  constructor(ports: ServicePorts, catalogue: Catalogue) {
    this.#ports = ports;
    this.#catalogue = catalogue;
  }

  async create(
    accountId: string,
    input: NewWebhook,
    once?: Once<CreatedWebhook>,
  ): Promise<Outcome<CreatedWebhook>> {
    const { store, clock, newId, random, vault, limits } = this.#ports;
    const id = newId('webhook');
    const now = clock.now();
    const generatedSecret = input.secret === undefined ? generateSecret(random) : null;
    const webhook: Webhook = {
      accountId,
      id,
      url: this.#checkedUrl(input.url),
      events: await this.#checkedEvents(input.events),
      description: input.description ?? '',
      status: 'active',
      disabledReason: null,
      ...this.#sealed(accountId, id, generatedSecret ?? input.secret ?? ''),
      createdAt: now,
      updatedAt: now,
    };
    const created = { webhook, generatedSecret };
    const call = { accountId, now, hasSecret: generatedSecret !== null };
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, created, call, keep);
    const perAccountMax = limits.webhooksPerAccountMax;
    const said = await store.createWebhook(webhook, { perAccountMax }, record);
    const outcome = outcomeOf(said, once, accountId, vault);
    if ('replay' in outcome) return outcome;
    if (outcome.result === 'too_many') {
      throw new PosthornError(
        'limit_reached',
        `An account has at most ${perAccountMax} webhooks. Delete one that is not used.`,
      );
    }
    return { result: created };
  }

  async get(accountId: string, id: string): Promise<Webhook> {
    return (await this.#ports.store.getWebhook(accountId, id)) ?? notFound();
  }

  list(accountId: string, page: PageRequest): Promise<Page<Webhook>> {
    return this.#ports.store.listWebhooks(accountId, page);
  }

  /** When this is fulfilled, no exchange starts any more under what the webhook was before. */
  async update(accountId: string, id: string, patch: WebhookPatch): Promise<Webhook> {
    const { store, clock, control } = this.#ports;
    const changes: WebhookChanges = {};
    if (patch.url !== undefined) changes.url = this.#checkedUrl(patch.url);
    if (patch.events !== undefined) changes.events = await this.#checkedEvents(patch.events);
    if (patch.description !== undefined) changes.description = patch.description;
    if (patch.secret !== undefined) {
      Object.assign(changes, this.#sealed(accountId, id, patch.secret));
    }
    if (patch.status !== undefined) {
      changes.status = patch.status;
      changes.disabledReason = patch.status === 'disabled' ? 'owner' : null;
    }
    const webhook = await store.updateWebhook(accountId, id, changes, clock.now());
    if (webhook === null) return notFound();
    await control.webhookChanged({ accountId, webhookId: id });
    return webhook;
  }

  async delete(accountId: string, id: string): Promise<void> {
    const { store, clock, control } = this.#ports;
    if ((await store.deleteWebhook(accountId, id, clock.now())) === 'missing') notFound();
    await control.webhookChanged({ accountId, webhookId: id });
  }

  /** One real exchange, now. A receiver that fails is an outcome, not an error. */
  async test(
    accountId: string,
    webhookId: string,
    once?: Once<TestResult>,
  ): Promise<Outcome<TestResult>> {
    const { store, clock, vault, limits } = this.#ports;
    if (once === undefined) return { result: await this.#test(accountId, webhookId) };
    const { key, fingerprint } = once;
    const now = clock.now();
    // It may end without an answer, with the process: then the key is free again after a while.
    const expiresAt = now + IN_PROGRESS_MAX_MS;
    const begun = await store.beginOnce(accountId, { key, fingerprint, createdAt: now, expiresAt });
    const outcome = outcomeOf(begun, once, accountId, vault);
    if ('replay' in outcome) return outcome;
    try {
      const result = await this.#test(accountId, webhookId);
      const keep = { vault, keepMs: limits.idempotencyKeepMs };
      const record = onceRecord(once, result, { accountId, now: clock.now() }, keep);
      if (record !== undefined) await store.completeOnce(accountId, record);
      return { result };
    } catch (error) {
      await store.abandonOnce(accountId, key);
      throw error;
    }
  }

  async #test(accountId: string, webhookId: string): Promise<TestResult> {
    const { clock, newId, control, limits } = this.#ports;
    const id = newId('testEvent');
    const createdAt = clock.now();
    const data = {
      message: 'This is a test. Nothing has happened in your account.',
      webhook_id: webhookId,
    };
    const type = TEST_EVENT_TYPE;
    const body = eventBody({ id, type, createdAt, data }, limits.eventBytesMax);
    const event = { accountId, id, type, createdAt, body };
    const outcome = await control.test({ event, deliveryId: newId('delivery'), webhookId });
    return outcome === null ? notFound() : { ...outcome, eventId: id };
  }

  #checkedUrl(text: string): string {
    checkWebhookUrl(text, this.#ports.urlRule);
    return text;
  }

  async #checkedEvents(events: readonly string[]): Promise<readonly string[]> {
    checkSubscriptions(events, await this.#catalogue.names());
    return events;
  }

  #sealed(accountId: string, webhookId: string, secret: string) {
    checkSecret(secret);
    const place = secretPlace({ accountId, webhookId });
    return { secretSealed: this.#ports.vault.seal(secret, place), secretHint: secretHint(secret) };
  }
}

function notFound(): never {
  throw new PosthornError('not_found', 'There is no such webhook.');
}
