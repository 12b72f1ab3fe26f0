import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { secretKeys, standardSignature, verify } from '../src/index.ts';
import { hmacSync } from '../src/node.ts';
import { standardSpelling } from '../src/sender.ts';
import { hmacVectors } from './vectors.ts';

describe('the library of Standard Webhooks', () => {
  for (const { name, secret, id, body, is_event: isEvent } of hmacVectors) {
    // Its clock cannot be set, hence the present.
    const timestamp = Math.floor(Date.now() / 1000);
    const theirs = new Webhook(standardSpelling(secret));

    test(`verifies what is signed here: ${name}`, () => {
      const { standard } = secretKeys(secret);
      const signature = standardSignature(hmacSync, standard, id, timestamp, body);
      assert.deepEqual(theirs.verify(body, headers(signature)), JSON.parse(body));
    });

    if (isEvent) {
      test(`signs what is verified here: ${name}`, async () => {
        const signature = theirs.sign(id, new Date(timestamp * 1000), body);
        const verified = await verify({ headers: headers(signature), body, secrets: secret });
        assert.deepEqual(verified.event, JSON.parse(body));
      });
    }

    function headers(signature: string) {
      return {
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature,
      };
    }
  }

  test('gives the signatures of the vectors', () => {
    for (const { standard_secret: secret, id, timestamp, body, ...vector } of hmacVectors) {
      const signature = new Webhook(secret).sign(id, new Date(timestamp * 1000), body);
      assert.equal(signature, vector.standard_signature);
    }
  });
});
