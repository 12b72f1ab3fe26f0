import { secretFault } from '@posthorn/receiver/sender';
import { invalid } from './errors.ts';
import type { Random } from './ports.ts';

const GENERATED_BYTES = 32;
const HINT_CHARS = 4;

/** A secret that works unchanged in the documented receivers and in Standard Webhooks libraries. */
export function generateSecret(random: Random): string {
  return `whsec_${btoa(String.fromCharCode(...random.bytes(GENERATED_BYTES)))}`;
}

/** Throws `invalid_request` when a webhook may not have this secret (docs/webhooks.md). */
export function checkSecret(secret: string): void {
  const fault = secretFault(secret);
  if (fault !== undefined) throw invalid('/secret', 'invalid_secret', fault);
}

/** All that is shown of a secret after it was set. */
export function secretHint(secret: string): string {
  return secret.slice(-HINT_CHARS);
}
