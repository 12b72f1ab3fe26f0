import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { type RequestHeaders, type VerifyOptions, verify } from '../src/index.ts';
import { documented, request, vector } from './vectors.ts';

const plain = request(documented).headers;

describe('headers are read', () => {
  const nodeHeaders: IncomingHttpHeaders = plain;
  const shapes: readonly [shape: string, headers: RequestHeaders][] = [
    ['from Headers', new Headers(plain)],
    ['from a Map', new Map(Object.entries(plain))],
    ['from a list of pairs', Object.entries(plain)],
    ['from an object with names in lower case', nodeHeaders],
    ['from an object with names in capitals', renamed((name) => name.toUpperCase())],
    ['from an object with names in mixed case', renamed(capitalised)],
    ['from a Map with names in mixed case', new Map(Object.entries(renamed(capitalised)))],
    ['from an object without a prototype', Object.assign(Object.create(null), plain)],
    ['from lists of values', listed((value) => [value])],
    ['from a Map of lists', new Map(Object.entries(listed((value) => [value])))],
    ['from a list of names and values in turn, as Node gives it raw', raw((name) => name)],
    ['from such a list with names in mixed case', raw(capitalised)],
    ['beside headers that are absent', { ...plain, host: undefined, cookie: [] }],
  ];
  for (const [shape, headers] of shapes) {
    test(shape, async () => {
      assert.equal((await verify({ ...request(documented), headers })).id, 'evt_abc123');
    });
  }

  test('from several lines of webhook-signature, each with entries of its own', async () => {
    const both = ['v1,AAAA v1,BBBB', documented.standard_signature];
    const appended = new Headers({ ...plain, 'webhook-signature': 'v1,AAAA v1,BBBB' });
    appended.append('webhook-signature', documented.standard_signature);
    await verify({ ...request(documented), headers: { ...plain, 'webhook-signature': both } });
    await verify({ ...request(documented), headers: appended });
  });

  test('from a raw list in which webhook-signature stands twice', async () => {
    const headers = ['webhook-signature', 'v1,AAAA', ...raw(capitalised)];
    await verify({ ...request(documented), headers });
  });

  test('as none where a program without types passes none', async () => {
    for (const headers of [undefined, null] as never[]) {
      await assert.rejects(verify({ ...request(documented), headers }), {
        code: 'headers_missing',
      });
    }
  });

  test('but not when one header came twice under names of different case', async () => {
    const headers = { ...plain, 'Webhook-Id': 'evt_other' };
    await assert.rejects(verify({ ...request(documented), headers }), { code: 'id_malformed' });
  });
});

describe('a body is read', () => {
  const { body: text } = vector('a body beyond ASCII');
  const bytes = new TextEncoder().encode(text);
  const shapes: readonly [shape: string, body: VerifyOptions['body']][] = [
    ['from text', text],
    ['from bytes', bytes],
    ['from a Buffer that is part of a larger one', Buffer.from(`##${text}##`).subarray(2, -2)],
    ['from an ArrayBuffer', bytes.buffer],
    ['from a DataView', new DataView(bytes.buffer)],
    ['from bytes of another realm', runInNewContext('Uint8Array.from(bytes)', { bytes })],
    ['from an ArrayBuffer of another realm', foreignArrayBuffer(bytes)],
  ];
  for (const [shape, body] of shapes) {
    test(shape, async () => {
      const verified = await verify({ ...request(vector('a body beyond ASCII')), body });
      assert.deepEqual(verified.event, JSON.parse(text));
    });
  }

  const parsed: readonly [what: string, body: unknown][] = [
    ['an object that was parsed already', JSON.parse(text)],
    ['an empty object, as older body parsers leave it', {}],
    ['undefined, as without a body parser', undefined],
    ['null', null],
    ['a number', 1],
    ['a list of numbers', [...bytes]],
  ];
  for (const [what, body] of parsed) {
    test(`but not from ${what}`, async () => {
      const options = { ...request(documented), body: body as string };
      await assert.rejects(verify(options), { code: 'body_already_parsed', hint: /express\.raw/ });
    });
  }
});

function renamed(rename: (name: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(plain).map(([name, value]) => [rename(name), value]));
}

function raw(rename: (name: string) => string): string[] {
  return Object.entries(plain).flatMap(([name, value]) => [rename(name), value]);
}

function listed(list: (value: string) => string[]): Record<string, string[]> {
  return Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, list(value)]));
}

function capitalised(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function foreignArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return runInNewContext('Uint8Array.from(bytes).buffer', { bytes });
}
