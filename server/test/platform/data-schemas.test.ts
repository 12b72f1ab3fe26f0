import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDataSchemas } from '../../src/platform/data-schemas.ts';

/** Longer than any test. */
const NO_DEADLINE = { checkMsMax: 600_000 };
const SIMPLE = { schema: '{"type":"object"}', example: '{}' };
/** Each definition asks the next one twice: 2^64 times the last. */
const DEFINITIONS = Object.fromEntries(
  Array.from({ length: 65 }, (_, n) => [
    n,
    n === 64
      ? { type: 'string' }
      : { allOf: [{ $ref: `#/$defs/${n + 1}` }, { $ref: `#/$defs/${n + 1}` }] },
  ]),
);
const DOUBLING = JSON.stringify({ properties: { a: { $ref: '#/$defs/0' } }, $defs: DEFINITIONS });

test('a check that needs more memory than it may have says so, and the next one is as ever', async () => {
  const dataSchemas = createDataSchemas(NO_DEADLINE);
  // Each of them fails, and is kept.
  const [fault] = await dataSchemas.faults({ schema: DOUBLING, example: '{"a":1}' });
  assert.deepEqual([fault?.pointer, fault?.code], ['/schema', 'too_complex']);
  assert.deepEqual(await dataSchemas.faults(SIMPLE), []);
});

test('a check that has no stack left says so', async () => {
  const levels = 20_000;
  const schema = `${'{"not":'.repeat(levels)}{}${'}'.repeat(levels)}`;
  const [fault] = await createDataSchemas(NO_DEADLINE).faults({ schema, example: null });
  assert.deepEqual([fault?.pointer, fault?.code], ['/schema', 'too_complex']);
});

test('ten checks wait for one another, and one more is refused', async () => {
  const dataSchemas = createDataSchemas();
  const ten = Array.from({ length: 10 }, () => dataSchemas.faults(SIMPLE));
  await assert.rejects(dataSchemas.faults(SIMPLE), { code: 'overloaded', retryAfterSeconds: 3 });
  assert.deepEqual((await Promise.all(ten)).flat(), []);
  assert.deepEqual(await dataSchemas.faults(SIMPLE), []);
});
