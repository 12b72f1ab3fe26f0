import { HEADERS, legacySignature, secretKeys, standardSignature } from '@posthorn/receiver';
import { digestWith, type ReadyKey, readyKey } from '@posthorn/receiver/node';
import type { Trigger } from '../core/model.ts';
import type { DueEvent, Target, Vault, WireRequest } from '../core/ports.ts';
import { secretPlace } from '../core/secret-place.ts';

/** What differs from one attempt to the next. */
export interface Outgoing {
  event: DueEvent;
  deliveryId: string;
  trigger: Trigger;
  number: number;
  /** Unix milliseconds of this attempt. */
  startedAt: number;
}

/** Which of two secrets a request's legacy signature is made with. */
export type SecretName = 'newest' | 'before';

/**
 * Builds and signs the requests to one webhook; its keys are prepared once.
 *
 * During the overlap of a rotation `webhook-signature` has both secrets, the newest first. The legacy
 * header has room for one: the preferred, which is the one before until a receiver has shown that it
 * knows the newest.
 */
export interface Sender {
  readonly url: string;
  readonly secretSealed: string;
  preferred(now: number): SecretName;
  /** The other secret of an overlap; null when there is none. */
  other(than: SecretName, now: number): SecretName | null;
  /** A receiver knows the newest secret. */
  preferNewest(): void;
  request(outgoing: Outgoing, secret: SecretName): WireRequest;
}

interface Keys {
  legacy: ReadyKey;
  standard: ReadyKey;
}

/** Throws when a secret cannot be opened with the encryption key in use. */
export function createSender(
  target: Target,
  { vault, userAgent }: { vault: Vault; userAgent: string },
): Sender {
  const url = new URL(target.url);
  const newest = keysOf(vault.open(target.secretSealed, secretPlace(target)));
  const { rotation } = target;
  const before =
    rotation === null ? null : keysOf(vault.open(rotation.beforeSealed, secretPlace(target)));
  const until = rotation?.until ?? 0;
  let prefersNewest = rotation?.prefersNew ?? true;

  const other = (than: SecretName, now: number): SecretName | null => {
    if (before === null || now >= until) return null;
    return than === 'newest' ? 'before' : 'newest';
  };

  return {
    url: target.url,
    secretSealed: target.secretSealed,
    other,
    preferred: (now) => (prefersNewest ? 'newest' : (other('newest', now) ?? 'newest')),
    preferNewest() {
      prefersNewest = true;
    },
    request({ event, deliveryId, trigger, number, startedAt }, secret) {
      const bytes = bytesOf(event);
      const timestamp = Math.floor(startedAt / 1_000);
      const legacyKey = secret === 'before' && before !== null ? before.legacy : newest.legacy;
      const standard = (key: ReadyKey) =>
        standardSignature(digestWith, key, event.id, timestamp, bytes);
      const isOverlap = before !== null && startedAt < until;
      return {
        url,
        headers: [
          HEADERS.contentType,
          'application/json',
          HEADERS.userAgent,
          userAgent,
          HEADERS.webhookId,
          target.webhookId,
          HEADERS.eventType,
          event.type,
          HEADERS.legacySignature,
          legacySignature(digestWith, legacyKey, bytes),
          HEADERS.eventId,
          event.id,
          HEADERS.timestamp,
          String(timestamp),
          HEADERS.standardSignature,
          isOverlap
            ? `${standard(newest.standard)} ${standard(before.standard)}`
            : standard(newest.standard),
          HEADERS.deliveryId,
          deliveryId,
          HEADERS.attempt,
          String(number),
          HEADERS.trigger,
          trigger,
        ],
        body: bytes,
      };
    },
  };
}

/** An event that goes to many webhooks is encoded once, as long as its deliveries share it. */
function bytesOf(event: DueEvent): Uint8Array {
  event.bytes ??= Buffer.from(event.body);
  return event.bytes;
}

function keysOf(secret: string): Keys {
  const { legacy, standard } = secretKeys(secret);
  return { legacy: readyKey(legacy), standard: readyKey(standard) };
}
