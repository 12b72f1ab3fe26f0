import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { VerifyOptions } from '../src/verify.ts';

export interface HmacVector {
  name: string;
  secret: string;
  standard_secret: string;
  id: string;
  /** Unix seconds. */
  timestamp: number;
  body: string;
  body_bytes: number;
  legacy_signature: string;
  standard_signature: string;
  is_event: boolean;
}

export const hmacVectors: readonly HmacVector[] = readVectors();

/** The event and the secret of the documented page. */
export const documented: HmacVector = vector('the documented event and secret');

export function vector(name: string): HmacVector {
  const found = hmacVectors.find((one) => one.name === name);
  assert.ok(found, `no vector is named "${name}"`);
  return found;
}

/** A valid request, verified in the second in which it was signed. */
export function request(
  of: HmacVector,
): Omit<VerifyOptions, 'headers'> & { headers: Record<string, string> } {
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': of.id,
      'webhook-timestamp': String(of.timestamp),
      'webhook-signature': of.standard_signature,
      'x-webhook-signature': of.legacy_signature,
    },
    body: of.body,
    secrets: of.secret,
    now: new Date(of.timestamp * 1000),
  };
}

interface Recipe {
  prefix: string;
  repeat: string;
  times: number;
  suffix: string;
}

type WrittenVector = Omit<HmacVector, 'body'> & { body?: string; body_recipe?: Recipe };

function readVectors(): HmacVector[] {
  const file = new URL('../../spec/signature-vectors.json', import.meta.url);
  const { hmac }: { hmac: WrittenVector[] } = JSON.parse(readFileSync(file, 'utf8'));
  return hmac.map(({ body, body_recipe, ...rest }) => ({
    ...rest,
    body: body ?? cook(body_recipe),
  }));
}

function cook(recipe: Recipe | undefined): string {
  assert.ok(recipe, 'a vector has a body or a body_recipe');
  return recipe.prefix + recipe.repeat.repeat(recipe.times) + recipe.suffix;
}
