import { hmacWith, importHmacKey } from './web-crypto.ts';

type Content = readonly (string | Uint8Array)[];
type Encoding = 'hex' | 'base64';

/** A key that was made ready once, for all requests that are verified with it. */
export interface HmacKey {
  /** HMAC-SHA256 over the parts in order; a promise where there is only WebCrypto. */
  digest(content: Content, encoding: Encoding): string | Promise<string>;
}

/**
 * Where `node:crypto` is there (Node, Deno, Bun) it is used: WebCrypto hands each digest to another
 * thread and back, which takes ten times as long for a body of usual size. It is asked for at run
 * time rather than imported, so that the package loads where there is only WebCrypto.
 */
export function hmacKey(bytes: Uint8Array): HmacKey {
  const crypto = nodeCrypto();
  if (crypto === undefined) return webKey(bytes);
  const { hash } = crypto;
  const long = nodeKey(crypto, bytes);
  return hash === undefined || bytes.length > BLOCK_BYTES ? long : shortKey(hash, bytes, long);
}

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Characters of content; in UTF-8 each takes three bytes at most. */
const SHORT_MAX = 2_000;

/**
 * HMAC as RFC 2104 writes it, by two hashes in one call each: for a body of a few hundred bytes half
 * of the time of `createHmac` goes into making the object.
 */
function shortKey(hash: OneCallHash, key: Uint8Array, long: HmacKey): HmacKey {
  const inner = padded(key, 0x36, 3 * SHORT_MAX);
  const outer = padded(key, 0x5c, DIGEST_BYTES);
  const encoder = new TextEncoder();
  return {
    digest(content, encoding) {
      let length = 0;
      for (const part of content) length += part.length;
      if (length > SHORT_MAX) return long.digest(content, encoding);
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
    },
  };
}

function padded(key: Uint8Array, pad: number, roomBytes: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES + roomBytes);
  bytes.set(key);
  for (let index = 0; index < BLOCK_BYTES; index++) bytes[index] = (bytes[index] ?? 0) ^ pad;
  return bytes;
}

function nodeKey(crypto: NodeCrypto, bytes: Uint8Array): HmacKey {
  const key = crypto.createSecretKey(bytes);
  return {
    digest(content, encoding) {
      const hmac = crypto.createHmac('sha256', key);
      for (const part of content) hmac.update(part);
      return hmac.digest(encoding);
    },
  };
}

function webKey(bytes: Uint8Array): HmacKey {
  let imported: Promise<CryptoKey> | undefined;
  return {
    async digest(content, encoding) {
      imported ??= importHmacKey(bytes);
      return await hmacWith(await imported, content, encoding);
    },
  };
}

type OneCallHash = (algorithm: 'sha256', data: Uint8Array, encoding: Encoding | 'latin1') => string;

/** What is used of `node:crypto`, so that nobody needs the types of Node to use this package. */
interface NodeCrypto {
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
