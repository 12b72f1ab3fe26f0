// Everything about verifying once more, as where there is no node:crypto: on edge runtimes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

Object.defineProperty(process, 'getBuiltinModule', { value: undefined });

test('there is only WebCrypto here', async () => {
  const { keyedHmac } = await import('../src/hmac.ts');
  assert.ok(keyedHmac(new Uint8Array(16))(['x'], 'hex') instanceof Promise);
});

await import('./errors.test.ts');
await import('./verify.test.ts');
await import('./verify-ed25519.test.ts');
await import('./verify-input.test.ts');
await import('./verify-legacy.test.ts');
