import { equalInConstantTime } from './constant-time.ts';
import { WebhookVerificationError } from './errors.ts';
import { parseEvent, type WebhookEvent } from './event.ts';
import { type RequestHeaders, type SignatureHeaders, signatureHeaders } from './request-headers.ts';
import { receiverSecretFault, type SecretKeys, secretKeys } from './secret.ts';
import { legacySignature, standardSignature } from './sign.ts';
import { hmacAsync } from './web-crypto.ts';

/** What Standard Webhooks' own libraries allow, in either direction. */
export const TOLERANCE_SECONDS = 300;

export interface VerifyOptions {
  /** All headers of the request, in the shape that the framework has them. */
  headers: RequestHeaders;
  /** The body as it arrived, before anything parsed it. */
  body: string | ArrayBufferView | ArrayBuffer;
  /**
   * As shown when the webhook was created; old and new together during a rotation. Undefined ones,
   * such as environment variables that are not set, are left out; one must remain.
   */
  secrets: string | undefined | readonly (string | undefined)[];
  /** How far from `now` the request may have been signed, in seconds; 300 unless given. */
  tolerance?: number | undefined;
  /** The present, unless given. */
  now?: Date | undefined;
  /**
   * Whether a request without any Standard Webhooks header may be proven by `X-Webhook-Signature`
   * alone. That one has no timestamp: whoever recorded a request can send it again at any time.
   */
  legacy?: boolean | undefined;
}

export interface VerifiedDelivery {
  /** The event's id: what was seen already is known by it. */
  id: string;
  /** The event's type. */
  type: string;
  /** When this attempt was signed; undefined when only the legacy signature proves it. */
  timestamp: Date | undefined;
  event: WebhookEvent;
}

/**
 * Resolves to the event when the request was signed with one of the secrets and, except for legacy
 * ones, within the tolerance. Deliveries can repeat: remember `id`.
 *
 * @throws WebhookVerificationError with a code, the status to answer and a hint.
 */
export async function verify(options: VerifyOptions): Promise<VerifiedDelivery> {
  const keys = keysOf(options.secrets);
  const body = rawBody(options.body);
  const headers = signatureHeaders(options.headers);

  if (!hasStandardHeader(headers)) {
    await verifyLegacy(headers, body, keys, options.legacy);
    return delivered(parseEvent(body), undefined);
  }
  const { id, timestamp } = await verifyStandard(headers, body, keys, options);
  const event = parseEvent(body);
  if (event.id !== id) {
    throw new WebhookVerificationError('body_malformed', 'Its id is not the one in webhook-id.');
  }
  return delivered(event, timestamp);
}

function delivered(event: WebhookEvent, timestamp: Date | undefined): VerifiedDelivery {
  return { id: event.id, type: event.type, timestamp, event };
}

function keysOf(secrets: VerifyOptions['secrets']): SecretKeys[] {
  const given = typeof secrets === 'object' ? secrets : [secrets];
  const present = given.filter((secret) => secret !== undefined).filter((secret) => secret !== '');
  if (present.length === 0) throw new WebhookVerificationError('secret_missing');

  return present.map((secret) => {
    const fault = receiverSecretFault(secret);
    if (fault !== undefined) throw new WebhookVerificationError('secret_malformed', fault);
    return secretKeys(secret);
  });
}

/** No `instanceof`: test runners and edge runtimes bring in bytes of another realm. */
function rawBody(body: VerifyOptions['body']): string | Uint8Array {
  if (typeof body === 'string') return body;
  if (ArrayBuffer.isView(body)) {
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  }
  if (Object.prototype.toString.call(body) === '[object ArrayBuffer]') return new Uint8Array(body);
  throw new WebhookVerificationError('body_already_parsed');
}

/** One is enough, or removing the others would turn a request into a legacy one. */
function hasStandardHeader(headers: SignatureHeaders): boolean {
  const { eventId, timestamp, standardSignature } = headers;
  return [eventId, timestamp, standardSignature].some((value) => value !== undefined);
}

async function verifyStandard(
  headers: SignatureHeaders,
  body: string | Uint8Array,
  keys: readonly SecretKeys[],
  { tolerance = TOLERANCE_SECONDS, now = new Date() }: VerifyOptions,
): Promise<{ id: string; timestamp: Date }> {
  if (!headers.eventId || !headers.timestamp || !headers.standardSignature) {
    throw new WebhookVerificationError('headers_missing');
  }
  const id = eventId(headers.eventId);
  const timestampSeconds = unixSeconds(headers.timestamp);
  checkAge(Math.floor(now.getTime() / 1000) - timestampSeconds, tolerance);

  const given = entriesOfVersion1(headers.standardSignature);
  if (given.length === 0) throw new WebhookVerificationError('signature_version_unsupported');
  for (const key of keys) {
    const own = await standardSignature(hmacAsync, key.standard, id, timestampSeconds, body);
    if (given.some((entry) => equalInConstantTime(entry, own))) {
      return { id, timestamp: new Date(timestampSeconds * 1000) };
    }
  }
  throw new WebhookVerificationError('signature_mismatch');
}

async function verifyLegacy(
  headers: SignatureHeaders,
  body: string | Uint8Array,
  keys: readonly SecretKeys[],
  isAccepted: boolean | undefined,
): Promise<void> {
  const given = headers.legacySignature;
  if (!given) throw new WebhookVerificationError('headers_missing');
  if (isAccepted !== true) throw new WebhookVerificationError('legacy_not_accepted');

  for (const key of keys) {
    const own = await legacySignature(hmacAsync, key.legacy, body);
    if (equalInConstantTime(given, own)) return;
  }
  throw new WebhookVerificationError('signature_mismatch');
}

/**
 * A full stop would let `id.timestamp.body` be cut at another place than the sender did (Standard
 * Webhooks 1.0.0, "Signature scheme"). Header values that were joined fail here as well.
 */
function eventId(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,256}$/.test(text)) throw new WebhookVerificationError('id_malformed');
  return text;
}

/** One spelling per number, so that what is signed is what was sent; up to the year 5138. */
function unixSeconds(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,10})$/.test(text)) {
    throw new WebhookVerificationError('timestamp_malformed');
  }
  return Number(text);
}

/** Written so that an age or tolerance of NaN is refused. */
function checkAge(ageSeconds: number, toleranceSeconds: number): void {
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  if (ageSeconds < 0) {
    throw new WebhookVerificationError('timestamp_too_new', `It is ${-ageSeconds} seconds ahead.`);
  }
  throw new WebhookVerificationError('timestamp_too_old', `It is ${ageSeconds} seconds old.`);
}

/** Entries of other versions may stand among them, and commas where headers were joined. */
function entriesOfVersion1(list: string): string[] {
  return list.split(/,? +/).filter((entry) => entry.startsWith('v1,'));
}
