import { PosthornError } from '../core/errors.ts';
import { eventBody } from '../core/event-body.ts';
import { checkSubscriptions, TEST_EVENT_TYPE } from '../core/event-types.ts';
import { DEFAULT_WEBHOOK_SETTINGS, type Webhook, type WebhookStatus } from '../core/model.ts';
import { type Once, type Outcome, onceRecord, outcomeOf } from '../core/once.ts';
import type {
  Page,
  PageRequest,
  NewSecret as SealedSecret,
  TestOutcome,
  WebhookChanges,
  WebhookRef,
} from '../core/ports.ts';
import { checkSecret, generateSecret, secretHint } from '../core/secret.ts';
import { secretPlace } from '../core/secret-place.ts';
import {
  type DurationInput,
  readOverlap,
  readSettings,
  type SettingsInput,
} from '../core/webhook-settings.ts';
import { checkWebhookUrl } from '../core/webhook-url.ts';
import { expectAcknowledged } from './acknowledgement.ts';
import type { Catalogue } from './catalogue.ts';
import type { ServicePorts } from './ports.ts';

/** More than any exchange takes: an idempotency key is not held for longer by a call that was lost. */
const IN_PROGRESS_MAX_MS = 10 * 60_000;
/** How long the secret before goes on beside a new one, unless the caller says otherwise. */
const OVERLAP_DEFAULT = '24h';

export interface NewWebhook {
  url: string;
  events: readonly string[];
  secret?: string | undefined;
  description?: string | undefined;
  settings?: SettingsInput;
}

export interface WebhookPatch {
  url?: string | undefined;
  events?: readonly string[] | undefined;
  secret?: string | undefined;
  description?: string | undefined;
  status?: WebhookStatus | undefined;
  settings?: SettingsInput;
}

export interface NewSecret {
  /** Made when it is not given. */
  secret?: string | undefined;
  overlap?: DurationInput | undefined;
}

export interface CreatedWebhook {
  webhook: Webhook;
  /** Shown this once; null when the caller gave a secret. */
  generatedSecret: string | null;
}

export interface RotatedWebhook {
  webhook: Webhook;
  /** The new one; shown this once. */
  secret: string;
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
    const secret = this.#sealed(
      { accountId, webhookId: id },
      generatedSecret ?? input.secret ?? '',
    );
    const webhook: Webhook = {
      accountId,
      id,
      url: this.#checkedUrl(input.url),
      events: await this.#checkedEvents(input.events),
      description: input.description ?? '',
      status: 'active',
      disabledReason: null,
      secretSealed: secret.sealed,
      secretHint: secret.hint,
      rotation: null,
      heldUntil: null,
      settings: { ...DEFAULT_WEBHOOK_SETTINGS, ...readSettings(input.settings ?? {}) },
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
    const webhook = await this.#ports.store.getWebhook(accountId, id);
    return webhook === null ? notFound() : this.#asOfNow(webhook);
  }

  async list(accountId: string, page: PageRequest): Promise<Page<Webhook>> {
    const { items, hasMore } = await this.#ports.store.listWebhooks(accountId, page);
    return { items: items.map((webhook) => this.#asOfNow(webhook)), hasMore };
  }

  /**
   * When this is fulfilled, no exchange starts any more under what the webhook was before. Throws
   * `change_pending` when it is stored and that cannot be said yet.
   */
  async update(accountId: string, id: string, patch: WebhookPatch): Promise<Webhook> {
    const { store, clock } = this.#ports;
    const now = clock.now();
    const changes: WebhookChanges = {};
    if (patch.url !== undefined) changes.url = this.#checkedUrl(patch.url);
    if (patch.events !== undefined) changes.events = await this.#checkedEvents(patch.events);
    if (patch.description !== undefined) changes.description = patch.description;
    if (patch.settings !== undefined) changes.settings = readSettings(patch.settings);
    if (patch.secret !== undefined) {
      changes.secret = {
        ...this.#sealed({ accountId, webhookId: id }, patch.secret),
        overlapUntil: overlapUntil(OVERLAP_DEFAULT, now),
      };
    }
    if (patch.status !== undefined) {
      changes.status = patch.status;
      changes.disabledReason = patch.status === 'disabled' ? 'owner' : null;
    }
    const webhook = await store.updateWebhook(accountId, id, changes, now);
    if (webhook === null) return notFound();
    await this.#expectInForce({ accountId, webhookId: id });
    return this.#asOfNow(webhook);
  }

  /** A new secret; the one before goes on beside it until the overlap ends. Fulfilled like `update`. */
  async rotate(
    accountId: string,
    webhookId: string,
    input: NewSecret,
    once?: Once<RotatedWebhook>,
  ): Promise<Outcome<RotatedWebhook>> {
    const { store, clock, random, vault, limits } = this.#ports;
    const webhook = await this.get(accountId, webhookId);
    const now = clock.now();
    const secret = input.secret ?? generateSecret(random);
    const change = {
      ...this.#sealed({ accountId, webhookId }, secret),
      overlapUntil: overlapUntil(input.overlap ?? OVERLAP_DEFAULT, now),
    };
    const rotated = { webhook: withSecret(webhook, change, now), secret };
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, rotated, { accountId, now, hasSecret: true }, keep);
    const rotation = { accountId, webhookId, secret: change, rotatedAt: now, once: record };
    const outcome = outcomeOf(await store.rotateSecret(rotation), once, accountId, vault);
    if ('result' in outcome && outcome.result === 'missing') return notFound();
    // Of a call that comes again, too: the first one may have given up waiting.
    await this.#expectInForce({ accountId, webhookId });
    return 'replay' in outcome ? outcome : { result: rotated };
  }

  async delete(accountId: string, id: string): Promise<void> {
    const { store, clock } = this.#ports;
    if ((await store.deleteWebhook(accountId, id, clock.now())) === 'missing') notFound();
    await this.#expectInForce({ accountId, webhookId: id });
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
    const outcome = await control.test({ event, deliveryId: newId('delivery', id), webhookId });
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

  #sealed(webhook: WebhookRef, secret: string): { sealed: string; hint: string } {
    checkSecret(secret);
    return {
      sealed: this.#ports.vault.seal(secret, secretPlace(webhook)),
      hint: secretHint(secret),
    };
  }

  async #expectInForce(webhook: WebhookRef): Promise<void> {
    const { clock, control } = this.#ports;
    await expectAcknowledged(clock, control.webhookChanged(webhook));
  }

  /** Holds and overlaps that have ended are over, whatever is stored. */
  #asOfNow(webhook: Webhook): Webhook {
    const { heldUntil, rotation } = webhook;
    const now = this.#ports.clock.now();
    return {
      ...webhook,
      heldUntil: heldUntil !== null && heldUntil > now ? heldUntil : null,
      rotation: rotation !== null && rotation.until > now ? rotation : null,
    };
  }
}

/** When the overlap that begins now ends; null when there is none. */
function overlapUntil(overlap: DurationInput, now: number): number | null {
  const ms = readOverlap(overlap);
  return ms === 0 ? null : now + ms;
}

/** How the webhook will look, before it is stored: what is answered is stored with it. Which secret goes on beside the new one is not shown. */
function withSecret(
  webhook: Webhook,
  { sealed, hint, overlapUntil }: SealedSecret,
  updatedAt: number,
): Webhook {
  const { secretSealed: beforeSealed } = webhook;
  const rotation =
    overlapUntil === null ? null : { beforeSealed, until: overlapUntil, prefersNew: false };
  return { ...webhook, secretSealed: sealed, secretHint: hint, rotation, updatedAt };
}

function notFound(): never {
  throw new PosthornError('not_found', 'There is no such webhook.');
}
