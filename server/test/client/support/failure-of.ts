import assert from 'node:assert/strict';

/** What a call is rejected with. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  return assert.fail('it was not rejected');
}
