import type { OnceResult, WebhookChanges } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import type { CommitParts } from './commits.ts';
import {
  type Args,
  type Model,
  type ModelWebhook,
  newestOf,
  type Version,
  versionOf,
} from './model.ts';
import type { Pending } from './pending.ts';

/** What becomes of webhooks. */
export function webhookCommits(
  model: Model,
  { clock, trace, vault, backlogMax }: CommitParts,
  { webhookOf }: Pending,
) {
  return { created, updated, rotated, deleted, disabled, held, read, preferred };

  function raise(accountId: string): void {
    model.versions.set(accountId, (model.versions.get(accountId) ?? 0) + 1);
  }

  function created([webhook]: Args<'createWebhook'>): void {
    const { accountId, id: webhookId } = webhook;
    const ref = { accountId, webhookId };
    model.webhooks.set(webhookId, {
      ref,
      versions: [versionOf(webhook, vault.open(webhook.secretSealed, secretPlace(ref)))],
      acknowledged: 0,
      prefersNewSince: null,
      askedAt: 0,
      readAt: 0,
      pending: new Map(),
      unheard: new Set(),
      backlog: [],
      overfullSince: null,
      exchanges: [],
      testedAt: Number.NEGATIVE_INFINITY,
      holds: new Set(),
      hold: null,
    });
    raise(accountId);
  }

  function updated([accountId, webhookId, changes, now]: Args<'updateWebhook'>): void {
    const webhook = webhookOf({ accountId, webhookId });
    const before = newestOf(webhook);
    const { settings, secret, url, events, status } = changes;
    const after: Version = {
      ...before,
      ...(url === undefined ? {} : { url }),
      ...(events === undefined ? {} : { events }),
      ...(status === undefined ? {} : { status }),
      settings: { ...before.settings, ...settings },
    };
    if (after.url !== before.url) webhook.hold = null;
    // One that is enabled again may still have what was not cancelled yet.
    webhook.overfullSince = null;
    webhook.versions.push(secret === undefined ? after : withSecret(webhook, after, secret, now));
    raise(accountId);
  }

  /** Never more than two: the one that receivers are thought to go by, and the new one. */
  function withSecret(
    webhook: ModelWebhook,
    version: Version,
    { sealed, overlapUntil }: NonNullable<WebhookChanges['secret']>,
    now: number,
  ): Version {
    const secret = vault.open(sealed, secretPlace(webhook.ref));
    const { before } = version;
    const goesByOlder = before !== null && before.until > now && webhook.prefersNewSince === null;
    const old = goesByOlder ? before.secret : version.secret;
    webhook.prefersNewSince = null;
    return {
      ...version,
      secret,
      before: overlapUntil === null ? null : { secret: old, until: overlapUntil },
    };
  }

  function rotated(
    [{ accountId, webhookId, secret, rotatedAt }]: Args<'rotateSecret'>,
    value: OnceResult<'rotated' | 'missing'>,
  ): void {
    if (!('result' in value) || value.result !== 'rotated') return;
    updated([accountId, webhookId, { secret }, rotatedAt]);
  }

  function deleted([accountId, webhookId]: Args<'deleteWebhook'>): void {
    const webhook = webhookOf({ accountId, webhookId });
    webhook.versions.push({ ...newestOf(webhook), status: 'deleted' });
    raise(accountId);
  }

  /** By the engine itself. */
  function disabled([ref, reason]: Args<'disableWebhook'>, value: 'disabled' | 'unchanged'): void {
    if (value === 'unchanged') return;
    const webhook = webhookOf(ref);
    if (reason === 'backlog_full') {
      const most = Math.max(0, ...webhook.backlog.map(({ count }) => count));
      trace.check(
        most > backlogMax,
        () => `${ref.webhookId} is disabled for a backlog of at most ${most}`,
      );
    }
    webhook.versions.push({ ...newestOf(webhook), status: 'disabled' });
    raise(ref.accountId);
  }

  function held([ref, until]: Args<'holdWebhook'>): void {
    const webhook = webhookOf(ref);
    if (until === null) webhook.hold = null;
    else if (until >= (webhook.hold?.until ?? Number.POSITIVE_INFINITY) && webhook.hold !== null)
      webhook.hold.isStored = true;
  }

  function preferred([ref, sealed]: Args<'preferNewSecret'>): void {
    const webhook = webhookOf(ref);
    const { secret, before } = newestOf(webhook);
    const isNewest = vault.open(sealed, secretPlace(ref)) === secret;
    if (isNewest && before !== null) webhook.prefersNewSince ??= clock.monotonic();
  }

  /** The engine has read it, and will go by that. */
  function read([ref]: Args<'target'>): void {
    webhookOf(ref).readAt = clock.monotonic();
  }
}
