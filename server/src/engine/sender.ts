import { createSecretKey, type KeyObject } from 'node:crypto';
import { HEADERS, legacySignature, secretKeys, standardSignature } from '@posthorn/receiver';
import { hmacSync } from '@posthorn/receiver/node';
import type { Trigger } from '../core/model.ts';
import type { Target, Vault, WireRequest } from '../core/ports.ts';
import { secretPlace } from '../core/secret-place.ts';

/** What differs from one attempt to the next. */
export interface Outgoing {
  eventId: string;
  eventType: string;
  deliveryId: string;
  trigger: Trigger;
  number: number;
  /** Unix milliseconds of this attempt. */
  startedAt: number;
  body: string;
}

/** Builds and signs the requests to one webhook; its keys are prepared once. */
export interface Sender {
  request(outgoing: Outgoing): WireRequest;
}

/** Throws when the secret cannot be opened with the encryption key in use. */
export function createSender(
  target: Target,
  { vault, userAgent }: { vault: Vault; userAgent: string },
): Sender {
  const url = new URL(target.url);
  const keys = secretKeys(vault.open(target.secretSealed, secretPlace(target)));
  const legacyKey = keyObject(keys.legacy);
  const standardKey = keyObject(keys.standard);

  return {
    request({ eventId, eventType, deliveryId, trigger, number, startedAt, body }) {
      const bytes = Buffer.from(body);
      const timestamp = Math.floor(startedAt / 1_000);
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
          eventType,
          HEADERS.legacySignature,
          legacySignature(hmacSync, legacyKey, bytes),
          HEADERS.eventId,
          eventId,
          HEADERS.timestamp,
          String(timestamp),
          HEADERS.standardSignature,
          standardSignature(hmacSync, standardKey, eventId, timestamp, bytes),
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

function keyObject(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}
