import { hmacWith, importHmacKey } from './web-crypto.ts';

/** A key that was made ready once, for all requests that are verified with it. */
export interface HmacKey {
  /** HMAC-SHA256 over the parts in order; a promise where there is only WebCrypto. */
  digest(
    content: readonly (string | Uint8Array)[],
    encoding: 'hex' | 'base64',
  ): string | Promise<string>;
}

/**
 * Where `node:crypto` is there (Node, Deno, Bun) it is used: WebCrypto hands each digest to another
 * thread and back, which takes ten times as long for a body of usual size. It is asked for at run
 * time rather than imported, so that the package loads where there is only WebCrypto.
 */
export function hmacKey(bytes: Uint8Array): HmacKey {
  const crypto = nodeCrypto();
  return crypto === undefined ? webKey(bytes) : nodeKey(crypto, bytes);
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

/** What is used of `node:crypto`, so that nobody needs the types of Node to use this package. */
interface NodeCrypto {
  createSecretKey(bytes: Uint8Array): unknown;
  createHmac(
    algorithm: 'sha256',
    key: unknown,
  ): { update(part: string | Uint8Array): unknown; digest(encoding: 'hex' | 'base64'): string };
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:crypto'): NodeCrypto | undefined;
}

/** Bundlers for edge runtimes warn about programs that call a global `process` by its name. */
function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.('node:crypto');
}
