import { hmacWith, importHmacKey } from './web-crypto.ts';

type Content = readonly (string | Uint8Array)[];
type Encoding = 'hex' | 'base64';

/**
 * HMAC-SHA256 over the parts in order, with a key that was made ready once for all requests that are signed
 * or verified with it; a promise where there is only WebCrypto.
 */
export type KeyedHmac<Digest extends string | Promise<string> = string | Promise<string>> = (
  content: Content,
  encoding: Encoding,
) => Digest;

/**
 * Where `node:crypto` is there (Node, Deno, Bun) it is used: WebCrypto hands each digest to another
 * thread and back, which takes ten times as long for a body of usual size. It is asked for at run
 * time rather than imported, so that the package loads where there is only WebCrypto.
 */
export function keyedHmac(bytes: Uint8Array, crypto: NodeCrypto): KeyedHmac<string>;
export function keyedHmac(bytes: Uint8Array): KeyedHmac;
export function keyedHmac(bytes: Uint8Array, crypto = nodeCrypto()): KeyedHmac {
  if (crypto === undefined) return webHmac(bytes);
  const { hash } = crypto;
  const long = longHmac(crypto, bytes);
  return hash === undefined || bytes.length > BLOCK_BYTES ? long : shortHmac(hash, bytes, long);
}

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Characters of content; in UTF-8 each takes three bytes at most. */
const SHORT_MAX = 2_000;
/** What the first hash is of; of all keys, one after the other. */
const inner = new Uint8Array(BLOCK_BYTES + 3 * SHORT_MAX);
const encoder = new TextEncoder();

/**
 * HMAC as RFC 2104 writes it, by two hashes in one call each: for a body of a few hundred bytes half
 * of the time of `createHmac` goes into making the object.
 */
function shortHmac(hash: OneCallHash, key: Uint8Array, long: KeyedHmac<string>): KeyedHmac<string> {
  const innerPad = padded(key, 0x36);
  const outer = padded(key, 0x5c);
  return (content, encoding) => {
    let length = 0;
    for (const part of content) length += part.length;
    if (length > SHORT_MAX) return long(content, encoding);
    // What is behind the block is written over or not hashed.
    inner.set(innerPad);
    let end = BLOCK_BYTES;
    for (const part of content) {
      if (typeof part === 'string') {
        end += encoder.encodeInto(part, inner.subarray(end)).written;
      } else {
        inner.set(part, end);
        end += part.length;
      }
    }
    const digest = hash('sha256', inner.subarray(0, end), 'latin1');
    for (let index = 0; index < DIGEST_BYTES; index++) {
      outer[BLOCK_BYTES + index] = digest.charCodeAt(index);
    }
    return hash('sha256', outer, encoding);
  };
}

/** A block, and room for a digest behind it. */
function padded(key: Uint8Array, pad: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES + DIGEST_BYTES);
  bytes.set(key);
  return bytes.map((byte) => byte ^ pad);
}

function longHmac(crypto: NodeCrypto, bytes: Uint8Array): KeyedHmac<string> {
  const key = crypto.createSecretKey(bytes);
  return (content, encoding) => {
    const hmac = crypto.createHmac('sha256', key);
    for (const part of content) hmac.update(part);
    return hmac.digest(encoding);
  };
}

function webHmac(bytes: Uint8Array): KeyedHmac {
  let imported: Promise<CryptoKey> | undefined;
  return async (content, encoding) => {
    imported ??= importHmacKey(bytes);
    return await hmacWith(await imported, content, encoding);
  };
}

type OneCallHash = (algorithm: 'sha256', data: Uint8Array, encoding: Encoding | 'latin1') => string;

/** What is used of `node:crypto`, so that nobody needs the types of Node to use this package. */
export interface NodeCrypto {
  /** From Node 20.12 on. */
  readonly hash?: OneCallHash;
  createSecretKey(bytes: Uint8Array): unknown;
  createHmac(
    algorithm: 'sha256',
    key: unknown,
  ): { update(part: string | Uint8Array): unknown; digest(encoding: Encoding): string };
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:crypto'): NodeCrypto | undefined;
}

/**
 * Bundlers for edge runtimes warn about programs that call a global `process` by its name, and
 * that of Next.js has the function there too, to throw.
 */
function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  try {
    return process?.getBuiltinModule?.('node:crypto');
  } catch {
    return undefined;
  }
}

/** An `Hmac` whose keys are these. */
export function digestWith<Digest extends string | Promise<string>>(
  key: KeyedHmac<Digest>,
  content: Content,
  encoding: Encoding,
): Digest {
  return key(content, encoding);
}
