import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttemptFailure } from '../../src/core/model.ts';
import { isOurShortage, sendFailureOf } from '../../src/engine/send-failures.ts';

describe('an error is the fault of this machine:', () => {
  const cases: [code: string, address: string | undefined, isOurs: boolean][] = [
    ['EMFILE', '203.0.113.1', true],
    ['ENFILE', undefined, true],
    ['ENOBUFS', '203.0.113.1', true],
    ['ENOMEM', undefined, true],
    ['EADDRNOTAVAIL', '203.0.113.1', true],
    // Without IPv6 on this machine: every receiver that has nothing else would seem to use up ports.
    ['EADDRNOTAVAIL', '2001:db8::1', false],
    ['ECONNREFUSED', '203.0.113.1', false],
    ['ENETUNREACH', '2001:db8::1', false],
    ['ENOTFOUND', undefined, false],
  ];
  for (const [code, address, isOurs] of cases) {
    test(`${code} of ${address ?? 'no address'}: ${isOurs ? 'yes' : 'no'}`, () => {
      const error = Object.assign(new Error(code), { code, address });
      assert.equal(isOurShortage(error), isOurs);
    });
  }
});

describe('an error is an attempt that failed by', () => {
  const cases: [code: string, failure: AttemptFailure][] = [
    ['POSTHORN_BLOCKED', 'blocked'],
    ['ENOTFOUND', 'dns_failed'],
    ['EAI_AGAIN', 'dns_failed'],
    ['ECONNREFUSED', 'connection_refused'],
    ['ECONNRESET', 'connection_reset'],
    ['EPIPE', 'connection_reset'],
    ['UND_ERR_SOCKET', 'connection_reset'],
    ['ETIMEDOUT', 'timeout'],
    ['EHOSTUNREACH', 'connection_failed'],
    ['ENETUNREACH', 'connection_failed'],
    ['UND_ERR_HEADERS_OVERFLOW', 'headers_too_large'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'malformed_response'],
    ['ERR_ASSERTION', 'malformed_response'],
    ['EPROTO', 'tls_failed'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_failed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_failed'],
    ['CERT_HAS_EXPIRED', 'tls_failed'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_failed'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_failed'],
    ['toString', 'connection_failed'],
    ['', 'connection_failed'],
  ];
  for (const [code, failure] of cases) {
    test(`${failure}: ${code || 'no code'}`, () => {
      assert.equal(sendFailureOf(Object.assign(new Error('x'), { code })), failure);
    });
  }
});
