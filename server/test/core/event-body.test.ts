import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import { EVENT_BYTES_MAX_DEFAULT, eventBody, utf8Length } from '../../src/core/event-body.ts';
import { seeded } from './support/seeded.ts';

const EVENT = { id: 'evt_abc123', type: 'user.created', createdAt: 1_701_444_600_000 };
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

test('the documented event has the 182 bytes of the wire contract', () => {
  const data = {
    id: 'usr_789',
    name: 'John Doe',
    email: 'john@example.com',
    created_at: '2023-12-01T15:30:00Z',
  };
  const body = eventBody({ ...EVENT, data }, NO_LIMIT);
  assert.equal(
    body,
    '{"id":"evt_abc123","type":"user.created","created_at":"2023-12-01T15:30:00Z",' +
      '"data":{"id":"usr_789","name":"John Doe","email":"john@example.com",' +
      '"created_at":"2023-12-01T15:30:00Z"}}',
  );
  assert.equal(Buffer.byteLength(body), 182);
});

test('created_at has whole seconds, rounded down', () => {
  for (const extra of [0, 1, 999]) {
    const body = eventBody({ ...EVENT, createdAt: EVENT.createdAt + extra, data: {} }, NO_LIMIT);
    assert.equal(JSON.parse(body).created_at, '2023-12-01T15:30:00Z');
  }
  const next = eventBody({ ...EVENT, createdAt: EVENT.createdAt + 1_000, data: {} }, NO_LIMIT);
  assert.equal(JSON.parse(next).created_at, '2023-12-01T15:30:01Z');
});

describe('a receiver that parses a body and writes it again has the same bytes, of', () => {
  const texts = [
    '{}',
    '{ "a" : [ 1 , 2 ] }',
    '{"10":1,"9":2,"b":3,"a":4}',
    '{"n":[1.0,1.10,-0,1E2,1e21,0.1,5e-324]}',
    '{"s":"\\u00e9\\ud83e\\ude9d\\/\\u2028\\u0000"}',
    '{"s":"é🪝\u2028\u2029"}',
    '{"":{"":[]}}',
  ];
  for (const text of texts) {
    test(text, () => {
      const body = eventBody({ ...EVENT, data: JSON.parse(text) }, NO_LIMIT);
      assert.equal(JSON.stringify(JSON.parse(body)), body);
      assert.deepEqual(Object.keys(JSON.parse(body)), ['id', 'type', 'created_at', 'data']);
      assert.equal(Buffer.from(body).toString('utf8'), body, 'it is UTF-8');
    });
  }
});

describe('the size of a body', () => {
  const empty = eventBody({ ...EVENT, data: { s: '' } }, NO_LIMIT).length;
  const cases: [what: string, text: string, bytes: number][] = [
    ['ASCII', 'a', 1],
    ['two bytes a character', 'é', 2],
    ['three bytes a character', '€', 3],
    ['four bytes a character', '🪝', 4],
  ];
  for (const [what, text, bytes] of cases) {
    const fitting = (EVENT_BYTES_MAX_DEFAULT - empty) % bytes;
    const count = (EVENT_BYTES_MAX_DEFAULT - empty - fitting) / bytes;
    const data = { s: text.repeat(count) + 'x'.repeat(fitting) };

    test(`of ${what} may be the limit`, () => {
      const body = eventBody({ ...EVENT, data }, EVENT_BYTES_MAX_DEFAULT);
      assert.equal(Buffer.byteLength(body), EVENT_BYTES_MAX_DEFAULT);
    });

    test(`of ${what} may not be a byte more`, () => {
      assert.throws(
        () => eventBody({ ...EVENT, data: { s: `${data.s}x` } }, EVENT_BYTES_MAX_DEFAULT),
        (error: Error) => {
          assert.ok(error instanceof PosthornError);
          assert.equal(error.code, 'event_too_large');
          assert.match(error.message, /102401 bytes; at most 102400 are delivered/);
          return true;
        },
      );
    });
  }

  test('is limited at what express.json() takes', () => {
    assert.equal(EVENT_BYTES_MAX_DEFAULT, 102_400);
  });
});

test('the length in UTF-8 is that of the bytes, whatever the text', (t) => {
  const random = seeded(t);
  const ranges = [0x80, 0x800, 0xd7ff, 0x110000] as const;
  for (let turn = 0; turn < 2_000; turn++) {
    let text = '';
    for (let length = random.below(20); length > 0; length--) {
      const code = random.below(random.pick(ranges));
      if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code);
    }
    assert.equal(utf8Length(text), Buffer.byteLength(text), JSON.stringify(text));
  }
  for (const code of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
    const text = String.fromCodePoint(code);
    assert.equal(utf8Length(text), Buffer.byteLength(text), code.toString(16));
  }
});
