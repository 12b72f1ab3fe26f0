/**
 * HMAC-SHA256 (RFC 2104) over the parts in order, as if they were one; strings count as UTF-8.
 * It is injected because no single one fits both sides: the sender's is synchronous (`./node`), the
 * receiver's runs wherever WebCrypto does.
 */
export type Hmac<Key, Digest extends string | Promise<string>> = (
  key: Key,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
) => Digest;

/**
 * The value of `X-Webhook-Signature`: `sha256=` and 64 lower-case hex digits over the body alone.
 * It holds no time, so it is the same on every attempt, and a copy of a request stays valid.
 */
export function legacySignature<Key>(
  hmac: Hmac<Key, string>,
  key: Key,
  body: string | Uint8Array,
): string;
export function legacySignature<Key>(
  hmac: Hmac<Key, Promise<string>>,
  key: Key,
  body: string | Uint8Array,
): Promise<string>;
export function legacySignature<Key>(
  hmac: Hmac<Key, string | Promise<string>>,
  key: Key,
  body: string | Uint8Array,
): string | Promise<string>;
export function legacySignature<Key>(
  hmac: Hmac<Key, string | Promise<string>>,
  key: Key,
  body: string | Uint8Array,
): string | Promise<string> {
  return prefixed('sha256=', hmac(key, [body], 'hex'));
}

/**
 * One entry of `webhook-signature`: `v1,` and base64 over `id.timestamp.body` (Standard Webhooks
 * 1.0.0, "Signature scheme"). The sender chooses an `id` without a full stop, or the content could
 * be read in two ways. The parts are not concatenated here: the body may be 100 KiB and is sent to
 * many webhooks.
 */
export function standardSignature<Key>(
  hmac: Hmac<Key, string>,
  key: Key,
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): string;
export function standardSignature<Key>(
  hmac: Hmac<Key, Promise<string>>,
  key: Key,
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): Promise<string>;
export function standardSignature<Key>(
  hmac: Hmac<Key, string | Promise<string>>,
  key: Key,
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): string | Promise<string>;
export function standardSignature<Key>(
  hmac: Hmac<Key, string | Promise<string>>,
  key: Key,
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): string | Promise<string> {
  return prefixed('v1,', hmac(key, standardContent(id, timestampSeconds, body), 'base64'));
}

/** What an entry of `webhook-signature` signs, of whichever version. */
export function standardContent(
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): readonly (string | Uint8Array)[] {
  return [`${id}.${timestampSeconds}.`, body];
}

function prefixed(prefix: string, digest: string | Promise<string>): string | Promise<string> {
  if (typeof digest === 'string') return prefix + digest;
  return digest.then((text) => prefix + text);
}
