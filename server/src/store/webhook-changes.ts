import type { Rotation, Webhook } from '../core/model.ts';
import type { WebhookChanges } from '../core/ports.ts';

/** Another receiver, or one that its owner says is back: what failed before does not count against it. */
export function isBegunAnew(before: Webhook, after: Webhook): boolean {
  return after.url !== before.url || (before.status === 'disabled' && after.status !== 'disabled');
}

/** The webhook as these changes leave it. */
export function changed(before: Webhook, changes: WebhookChanges, updatedAt: number): Webhook {
  const { settings, secret, ...plain } = changes;
  const after: Webhook = {
    ...before,
    ...plain,
    settings: { ...before.settings, ...settings },
    updatedAt,
  };
  if (after.url !== before.url) after.heldUntil = null;
  if (secret === undefined) return after;
  return {
    ...after,
    secretSealed: secret.sealed,
    secretHint: secret.hint,
    rotation: rotated(before, secret.overlapUntil, updatedAt),
  };
}

/** The preferred one of the secrets in force goes on, whichever receivers go by: never more than two. */
function rotated(before: Webhook, until: number | null, now: number): Rotation | null {
  if (until === null) return null;
  const { rotation, secretSealed } = before;
  const goesByOlder = rotation !== null && rotation.until > now && !rotation.prefersNew;
  return {
    beforeSealed: goesByOlder ? rotation.beforeSealed : secretSealed,
    until,
    prefersNew: false,
  };
}
