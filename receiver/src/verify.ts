import { equalInConstantTime } from './constant-time.ts';
import type { PublicKey } from './ed25519.ts';
import { WebhookVerificationError } from './errors.ts';
import { parseEvent, type WebhookEvent } from './event.ts';
import { digestWith } from './hmac.ts';
import { type Secrets, type VerificationKey, verificationKeys } from './keys.ts';
import { mismatch } from './mismatch.ts';
import { type RequestHeaders, type SignatureHeaders, signatureHeaders } from './request-headers.ts';
import { legacySignature, standardContent, standardSignature } from './sign.ts';

/** What Standard Webhooks' own libraries allow, in either direction. */
export const TOLERANCE_SECONDS = 300;

/** A sender makes two while a secret is rotated; a forger may send as many as a header holds. */
const SIGNATURES_MAX = 16;

export interface VerifyOptions {
  /** All headers of the request, in the shape that the framework has them. */
  headers: RequestHeaders;
  /** The body as it arrived, before anything parsed it. */
  body: string | ArrayBufferView | ArrayBuffer;
  /**
   * As shown when the webhook was created, or its public key (`whpk_…`); old and new together
   * during a rotation. Undefined ones, such as environment variables that are not set, are left
   * out; one must remain.
   */
  secrets: Secrets;
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
  const keys = verificationKeys(options.secrets);
  const body = rawBody(options.body);
  const headers = signatureHeaders(options.headers);

  if (!hasStandardHeader(headers)) {
    await verifyLegacy(headers, body, keys, options);
    return delivered(parseEvent(body), undefined);
  }
  const signed = readSigned(headers, options);
  checkVersions(signed.given, keys);
  // Where the digest is known at once it is not waited for: that would cost a tenth of the whole.
  const isMatch = matchesAny(keys, signed, body);
  if (!(isMatch === true || (await isMatch))) {
    throw mismatch({ eventId: signed.id, secrets: options.secrets, body });
  }
  const event = parseEvent(body);
  if (event.id !== signed.id) {
    throw new WebhookVerificationError('body_malformed', 'Its id is not the one in webhook-id.');
  }
  return delivered(event, new Date(signed.timestampSeconds * 1000));
}

function delivered(event: WebhookEvent, timestamp: Date | undefined): VerifiedDelivery {
  return { id: event.id, type: event.type, timestamp, event };
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
function hasStandardHeader({ eventId, timestamp, standardSignature }: SignatureHeaders): boolean {
  return eventId !== undefined || timestamp !== undefined || standardSignature !== undefined;
}

/** What the Standard Webhooks headers say, each of them well-formed. */
interface Signed {
  readonly id: string;
  readonly timestampSeconds: number;
  readonly given: readonly string[];
}

function readSigned(
  headers: SignatureHeaders,
  { tolerance = TOLERANCE_SECONDS, now }: VerifyOptions,
): Signed {
  const { eventId, timestamp, standardSignature: list } = headers;
  if (!eventId || !timestamp || !list) throw headersMissing(headers);
  const id = checkedId(eventId);
  const timestampSeconds = unixSeconds(timestamp);
  checkAge(timestampSeconds, now?.getTime() ?? Date.now(), tolerance);
  return { id, timestampSeconds, given: entriesOf(list) };
}

/** With spaces between them, and commas where header lines were joined. */
function entriesOf(list: string): readonly string[] {
  return list.includes(' ') ? list.split(/,? +/).slice(0, SIGNATURES_MAX) : [list];
}

/** Whether any entry was made with any of the keys; at once where the first one fits. */
function matchesAny(
  keys: readonly VerificationKey[],
  signed: Signed,
  body: string | Uint8Array,
  from = 0,
): boolean | Promise<boolean> {
  const key = keys[from];
  if (key === undefined) return false;
  const isMatch = matches(key, signed, body);
  if (isMatch === true) return true;
  if (isMatch === false) return matchesAny(keys, signed, body, from + 1);
  return isMatch.then((found) => found || matchesAny(keys, signed, body, from + 1));
}

/** Whether any entry was made with the key. */
function matches(
  key: VerificationKey,
  { id, timestampSeconds, given }: Signed,
  body: string | Uint8Array,
): boolean | Promise<boolean> {
  if (key.kind === 'ed25519') {
    return anyVerifies(key.publicKey, given, standardContent(id, timestampSeconds, body));
  }
  const own = standardSignature(digestWith, key.standard, id, timestampSeconds, body);
  return typeof own === 'string' ? isAmong(given, own) : own.then((text) => isAmong(given, text));
}

function isAmong(given: readonly string[], expected: string): boolean {
  return given.some((entry) => equalInConstantTime(entry, expected));
}

async function anyVerifies(
  key: PublicKey,
  given: readonly string[],
  content: readonly (string | Uint8Array)[],
): Promise<boolean> {
  for (const entry of given) {
    if (entry.startsWith('v1a,') && (await key.verifies(entry.slice(4), content))) return true;
  }
  return false;
}

async function verifyLegacy(
  headers: SignatureHeaders,
  body: string | Uint8Array,
  keys: readonly VerificationKey[],
  { legacy, secrets }: VerifyOptions,
): Promise<void> {
  const given = headers.legacySignature;
  if (!given) throw headersMissing(headers);
  if (legacy !== true) throw new WebhookVerificationError('legacy_not_accepted');

  for (const key of keys) {
    if (key.kind !== 'hmac') continue;
    const own = await legacySignature(digestWith, key.legacy, body);
    if (equalInConstantTime(given, own)) return;
  }
  throw mismatch({ secrets, body });
}

function headersMissing({ eventId, timestamp, standardSignature }: SignatureHeaders) {
  const missing = [
    eventId ? [] : 'webhook-id',
    timestamp ? [] : 'webhook-timestamp',
    standardSignature ? [] : 'webhook-signature',
  ].flat();
  return new WebhookVerificationError('headers_missing', `Missing: ${missing.join(', ')}.`);
}

/**
 * A full stop would let `id.timestamp.body` be cut at another place than the sender did (Standard
 * Webhooks 1.0.0, "Signature scheme"). Header values that were joined fail here as well.
 */
function checkedId(text: string): string {
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
function checkAge(signedSeconds: number, nowMs: number, toleranceSeconds: number): void {
  const ageSeconds = Math.floor(nowMs / 1000) - signedSeconds;
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  throw ageSeconds < 0
    ? new WebhookVerificationError('timestamp_too_new', `It is ${-ageSeconds} seconds ahead.`)
    : new WebhookVerificationError('timestamp_too_old', `It is ${ageSeconds} seconds old.`);
}

/** Entries of other versions may stand among them. */
function checkVersions(given: readonly string[], keys: readonly VerificationKey[]): void {
  const wanted = keys.map(({ kind }) => (kind === 'hmac' ? 'v1,' : 'v1a,'));
  if (given.some((entry) => wanted.some((version) => entry.startsWith(version)))) return;
  const isLegacy = given.some((entry) => entry.startsWith('sha256='));
  throw new WebhookVerificationError(
    'signature_version_unsupported',
    isLegacy
      ? 'It holds the value of X-Webhook-Signature, another header.'
      : `It would start with ${[...new Set(wanted)].join(' or ')}.`,
  );
}
