import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapePointer, type JsonFault, scanJson } from '../../src/core/json-scan.ts';
import { type Seeded, seeded } from './support/seeded.ts';

const DEPTH_MAX = 64;

describe('JSON without a fault is', () => {
  const texts = [
    'null',
    'true',
    'false',
    '0',
    '-0',
    '""',
    '{}',
    '[]',
    ' \t\r\n{ \n"a" : [ 1 , { } , [ ] ] } ',
    '{"a":1,"b":1,"A":1}',
    '{"":1," ":1}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uABcd"',
    '"\\ud83e\\ude9d"',
    '"\\ud800\\udc00\\udbff\\udfff"',
    '"🪝\u007f\u2028\ufeff"',
    '{"proto":1,"__proto":1,"prototype":1,"constructor":1,"__proto___":1}',
    '{"constructor":[{"prototype":1}]}',
    '{"constructor":{"x":{"prototype":1}}}',
    '{"x":{"constructor":1},"prototype":1}',
    '"__proto__"',
  ];
  for (const text of texts) test(text, () => assert.equal(faultOf(text), null));
});

describe('a number that a double holds is', () => {
  const texts = [
    '9007199254740991',
    '-9007199254740991',
    '1.0',
    '1.10',
    '-0.0',
    '1E2',
    '1e+2',
    '1e-2',
    '0.1',
    '0.30',
    '1e21',
    '1e22',
    '1e308',
    '1.7976931348623157e308',
    '5e-324',
    '2.2250738585072014e-308',
    '0e400',
    '0.000e-400',
    '-0e99999999999',
    '123456789012345.0',
    '9007199254740992.0',
    '9007199254740992e0',
    '100000000000000000000e0',
    '1.000000000000000000000000000000',
    `0.${'0'.repeat(400)}1e401`,
    `1${'0'.repeat(400)}e-400`,
    '0.1234567890123456',
  ];
  for (const text of texts) {
    test(shortened(text), () => {
      assert.equal(faultOf(text), null);
      assert.equal(faultOf(`{"a":[${text}]}`), null);
      assert.ok(isHeldExactly(text), 'the oracle agrees');
    });
  }
});

describe('a number that a double does not hold is', () => {
  const texts = [
    '9007199254740992',
    '-9007199254740992',
    '9007199254740993',
    '18446744073709551615',
    '100000000000000000000',
    '9007199254740993.0',
    '9007199254740993e0',
    '1e309',
    '-1e309',
    '1e400',
    '1.7976931348623159e308',
    '1e-400',
    '4e-324',
    '2e-324',
    '0.10000000000000001',
    '0.30000000000000004000001',
    '3.14159265358979323846',
    '1e99999999999999999999',
    '1e-99999999999999999999',
    '123456789012345678',
    `1${'0'.repeat(400)}`,
  ];
  for (const text of texts) {
    test(shortened(text), () => {
      const fault = faultOf(`{"a":[0,${text}]}`);
      assert.equal(fault?.code, 'number_not_exact');
      assert.equal(fault?.pointer, '/a/1');
      assert.equal(fault?.position, 8);
      assert.ok(!isHeldExactly(text), 'the oracle agrees');
    });
  }
});

describe('a rule is broken by', () => {
  const cases: [text: string, code: JsonFault['code'], pointer: string, position: number][] = [
    ['{"a":1,"a":2}', 'duplicate_member', '/a', 7],
    ['{"a":1,"\\u0061":2}', 'duplicate_member', '/a', 7],
    ['{"\\u0061":1,"a":2}', 'duplicate_member', '/a', 12],
    ['{"":1,"":2}', 'duplicate_member', '/', 6],
    ['[{},{"x":{"b":1,"c":{},"b":2}}]', 'duplicate_member', '/1/x/b', 23],
    ['{"a/b~c":1,"a/b~c":2}', 'duplicate_member', '/a~1b~0c', 11],
    ['{"é":1,"\\u00e9":2}', 'duplicate_member', '/é', 7],
    ['{"__proto__":1}', 'name_not_allowed', '/__proto__', 1],
    ['{"a":{"\\u005f_proto__":1}}', 'name_not_allowed', '/a/__proto__', 6],
    ['{"constructor":{"prototype":1}}', 'name_not_allowed', '/constructor/prototype', 16],
    [
      '{"c\\u006fnstructor":{"a":1,"prototype":1}}',
      'name_not_allowed',
      '/constructor/prototype',
      27,
    ],
    ['"\\ud800"', 'lone_surrogate', '', 1],
    ['"\\udc00\\ud800"', 'lone_surrogate', '', 1],
    ['"\\ud800\\ud800\\udc00"', 'lone_surrogate', '', 1],
    ['"\\ud83e\\u0041"', 'lone_surrogate', '', 1],
    ['"\\ud83ex\\ude9d"', 'lone_surrogate', '', 1],
    ['[1,"ok\\udfff"]', 'lone_surrogate', '/1', 6],
    // A name that cannot be read has no pointer: the object that it stands in is at fault.
    ['{"\\ud800":1}', 'lone_surrogate', '', 2],
    ['{"a":{"b":1,"x\\ud800":2}}', 'lone_surrogate', '/a', 14],
    ['{"a":[{"b":1},{"\\udc00":2}]}', 'lone_surrogate', '/a/1', 16],
  ];
  for (const [text, code, pointer, position] of cases) {
    test(text, () => {
      const { detail, ...fault } = faultOf(text) ?? { detail: '' };
      assert.deepEqual(fault, { code, pointer, position });
      assert.match(detail, /\.$/);
    });
  }
});

describe('a syntax error is found at', () => {
  const cases: [text: string, position: number, detail: RegExp][] = [
    ['', 0, /^Expected a value; the text ends at position 0 \(line 1, column 1\)\.$/],
    ['  ', 2, /^Expected a value; the text ends/],
    ['x', 0, /found "x" at position 0/],
    ['tru', 0, /^Expected a value; found "t"/],
    ['nulL', 0, /found "n"/],
    ['True', 0, /found "T"/],
    ['nullx', 4, /^Nothing may follow the value; found "x"/],
    ['1 2', 2, /^Nothing may follow the value; found "2"/],
    ['{}}', 2, /^Nothing may follow the value; found "}"/],
    ['[', 1, /^Expected a value; the text ends/],
    ['[1', 2, /^Expected "," or "]"; the text ends/],
    ['[1,]', 3, /^Expected a value; found "]"/],
    ['[,1]', 1, /^Expected a value; found ","/],
    ['[1 2]', 3, /^Expected "," or "]"; found "2"/],
    ['[1}', 2, /^Expected "," or "]"; found "}"/],
    ['{"a":1]', 6, /^Expected "," or "}"; found "]"/],
    ['{', 1, /^Expected a member name in double quotes; the text ends/],
    ['{a:1}', 1, /^Expected a member name in double quotes; found "a"/],
    ["{'a':1}", 1, /^Expected a member name in double quotes; found "'"/],
    ['{1:1}', 1, /^Expected a member name/],
    ['{,}', 1, /^Expected a member name/],
    ['{"a":1,}', 7, /^Expected a member name in double quotes; found "}"/],
    ['{"a"}', 4, /^Expected ":"; found "}"/],
    ['{"a" 1}', 5, /^Expected ":"; found "1"/],
    ['{"a":}', 5, /^Expected a value; found "}"/],
    ['"a', 2, /^The text ends inside a string/],
    ['"a\\"', 4, /^The text ends inside a string/],
    ['"\\', 1, /^This is not an escape sequence/],
    ['"\\x"', 1, /^This is not an escape sequence/],
    ['"\\U0041"', 1, /^This is not an escape sequence/],
    ['"\\u12"', 1, /^"\\u" is followed by four hexadecimal digits/],
    ['"\\u12g4"', 1, /^"\\u" is followed by four hexadecimal digits/],
    ['"a\nb"', 2, /^A control character must be escaped; found "\?"/],
    ['"\t"', 1, /^A control character must be escaped/],
    ['"\u0000"', 1, /^A control character must be escaped/],
    ['"\u001f"', 1, /^A control character must be escaped/],
    ['-', 1, /^Expected a digit; the text ends/],
    ['-x', 1, /^Expected a digit; found "x"/],
    ['+1', 0, /^Expected a value; found "\+"/],
    ['01', 1, /^A number has no leading zeros/],
    ['-012', 2, /^A number has no leading zeros/],
    ['00', 1, /^A number has no leading zeros/],
    ['1.', 2, /^Expected a digit; the text ends/],
    ['1.e5', 2, /^Expected a digit; found "e"/],
    ['.5', 0, /^Expected a value; found "\."/],
    ['1e', 2, /^Expected a digit/],
    ['1e+', 3, /^Expected a digit/],
    ['1e+-1', 3, /^Expected a digit; found "-"/],
    ['NaN', 0, /found "N"/],
    ['-Infinity', 1, /^Expected a digit; found "I"/],
    ['\ufeff{}', 0, /^Expected a value; found "\?"/],
    ['\u00a0{}', 0, /^Expected a value/],
    ['{"a":1}//', 7, /^Nothing may follow/],
    ['[1,\n 2,\n  x]', 10, /found "x" at position 10 \(line 3, column 3\)\.$/],
    ['\n\n{\n', 4, /the text ends at position 4 \(line 4, column 1\)\.$/],
  ];
  for (const [text, position, detail] of cases) {
    test(`${position} in ${JSON.stringify(text)}`, () => {
      assert.throws(() => JSON.parse(text), SyntaxError);
      const fault = scanJson(text, { depthMax: DEPTH_MAX, isJson: false });
      assert.equal(fault?.code, 'syntax');
      assert.equal(fault?.position, position);
      assert.match(fault?.detail ?? '', detail);
    });
  }
});

describe('nesting', () => {
  const kinds: [what: string, open: string, close: string][] = [
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
    ['both', '[{"a":', '}]'],
  ];
  for (const [what, open, close] of kinds) {
    const levels = what === 'both' ? 2 : 1;
    const nested = (depth: number) =>
      `${open.repeat(depth / levels)}1${close.repeat(depth / levels)}`;

    test(`of ${what} may be as deep as the limit`, () => {
      assert.equal(faultOf(nested(DEPTH_MAX)), null);
    });

    test(`of ${what} may not be deeper`, () => {
      const fault = faultOf(nested(DEPTH_MAX + levels));
      assert.equal(fault?.code, 'too_deep');
      assert.equal(fault?.pointer.split('/').length, DEPTH_MAX + 1);
    });
  }

  test('counts what is empty, and not what stands side by side', () => {
    assert.equal(faultOf('[[]]', 2), null);
    assert.equal(faultOf('[{}]', 2), null);
    assert.equal(faultOf('[[[]]]', 2)?.code, 'too_deep');
    assert.equal(faultOf('[{"a":{}}]', 2)?.code, 'too_deep');
    assert.equal(faultOf('[[],[],{},[1],{"a":1}]', 2), null);
    assert.equal(faultOf('1', 0), null);
    assert.equal(faultOf('[]', 0)?.code, 'too_deep');
  });

  test('what one scan left open is not seen by the next', () => {
    assert.equal(faultOf('{"a":{"b":1,"b":2}}')?.pointer, '/a/b');
    assert.equal(faultOf('{"b":{"b":1},"a":{"b":2}}'), null);
    assert.equal(faultOf('{"x":{"constructor":{'.repeat(3))?.code, 'syntax');
    assert.equal(faultOf('[[{"prototype":1}]]'), null);
  });
});

describe('names are compared in an object', () => {
  for (const count of [1, 2, 11, 12, 13, 14, 100, 1_000]) {
    const names = Array.from({ length: count }, (_, index) => `name${index}`);
    const object = (all: readonly string[]) => `{${all.map((name) => `"${name}":1`).join(',')}}`;

    test(`of ${count} different ones: none is twice`, () => {
      assert.equal(faultOf(object(names)), null);
    });

    test(`of ${count} and one of them again: that one is found`, () => {
      for (const again of new Set([0, count >> 1, count - 1])) {
        const fault = faultOf(object([...names, `name${again}`]));
        assert.deepEqual([fault?.code, fault?.pointer], ['duplicate_member', `/name${again}`]);
        const escaped = faultOf(object([...names, `\\u006eame${again}`]));
        assert.deepEqual([escaped?.code, escaped?.pointer], ['duplicate_member', `/name${again}`]);
      }
    });
  }

  test('even when their hashes are equal', () => {
    // The same value under the usual 31-times hash.
    const equal = ['AaAa', 'AaBB', 'BBAa', 'BBBB'];
    assert.equal(faultOf(`{${equal.map((name) => `"${name}":1`).join(',')}}`), null);
    const again = [...equal, 'BBAa'].map((name) => `"${name}":1`).join(',');
    assert.equal(faultOf(`{${again}}`)?.pointer, '/BBAa');
  });
});

test('what is shown of a text is short and on one line', () => {
  const name = `a\\n\\u2028\\u202e${'x'.repeat(100)}`;
  const fault = faultOf(`{"${name}":1,"${name}":2}`);
  assert.match(fault?.detail ?? '', /^The member "a\?\?\?x{36}…" stands here twice\.$/);
});

test('a pointer escapes what stands for itself', () => {
  assert.equal(escapePointer('a/b~c~1'), 'a~1b~0c~01');
});

describe('of random texts', () => {
  test('those are JSON that JSON.parse accepts, apart from the rules', (t) => {
    const random = seeded(t);
    const seen = new Map<string, number>();
    for (let turn = 0; turn < 30_000; turn++) {
      const value = randomJson(random, 4);
      const text = random.below(4) === 0 ? value : damaged(random, value);
      const fault = scanJson(text, { depthMax: DEPTH_MAX, isJson: false });
      const kind = fault?.code ?? 'none';
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const accepted = isAccepted(text);
      if (fault === null) assert.ok(accepted, `accepted by the scan only: ${text}`);
      if (fault?.code === 'syntax') assert.ok(!accepted, `refused by the scan only: ${text}`);
      if (accepted) {
        const again = scanJson(text, { depthMax: DEPTH_MAX, isJson: true });
        assert.deepEqual(again, fault, `the short way differs: ${text}`);
      }
    }
    for (const kind of [
      'none',
      'syntax',
      'duplicate_member',
      'number_not_exact',
      'lone_surrogate',
    ]) {
      assert.ok((seen.get(kind) ?? 0) > 20, `${kind} is among what was tried`);
    }
  });

  test('a number is refused exactly when String(Number(text)) is another value', (t) => {
    const random = seeded(t);
    let refused = 0;
    for (let turn = 0; turn < 20_000; turn++) {
      const text = randomNumber(random);
      const isExact = faultOf(text) === null;
      assert.equal(isExact, isHeldExactly(text), text);
      if (!isExact) refused += 1;
    }
    assert.ok(refused > 1_000 && refused < 19_000, `${refused} were refused`);
  });
});

describe('a megabyte is looked through in linear time:', () => {
  const MEGABYTE = 1_000_000;
  const fill = (part: string) => part.repeat(Math.ceil(MEGABYTE / part.length));
  const hostile: [what: string, text: string, code: JsonFault['code'] | null][] = [
    ['open brackets', fill('['), 'too_deep'],
    ['open objects', fill('{"a":'), 'too_deep'],
    ['a long integer', fill('1'), 'number_not_exact'],
    ['a long fraction', `0.${fill('1')}`, 'number_not_exact'],
    ['many zeros', fill('0'), 'syntax'],
    ['zeros behind a digit', `1${fill('0')}`, 'number_not_exact'],
    ['zeros behind the point', `0.${fill('0')}`, null],
    ['zeros behind the point, then a digit', `0.${fill('0')}1`, 'number_not_exact'],
    ['zeros on both sides', `1${fill('0')}.${fill('0')}`, 'number_not_exact'],
    ['a huge exponent', `1e${fill('9')}`, 'number_not_exact'],
    ['a huge negative exponent', `1e-${fill('9')}`, 'number_not_exact'],
    ['nothing to a huge exponent', `0e${fill('9')}`, null],
    ['an exponent of zeros', `1e${fill('0')}1`, null],
    ['many long numbers', `[${fill('0.1234567890123456,')}0]`, null],
    ['many names', `{${manyNames(MEGABYTE)}"":0}`, null],
    ['many names of equal hash', `{${manyEqualHashes(MEGABYTE)}"":0}`, null],
    ['many names with escapes', `{${manyNames(MEGABYTE, '\\u0041')}"":0}`, null],
    ['many names, then one of them again', `{${manyNames(MEGABYTE)}"n7":0}`, 'duplicate_member'],
    ['many names, then an open string', `{${manyNames(MEGABYTE)}"`, 'syntax'],
    ['one long name', `{"${fill('n')}":0}`, null],
    ['one long name, twice', `{"${fill('n')}":0,"${fill('n')}":0}`, 'duplicate_member'],
    ['many objects of a few names', `[${fill('{"a":1,"b":2,"c":3},')}0]`, null],
    ['one long string', `"${fill('x')}"`, null],
    ['one long string of escapes', `"${fill('\\n')}"`, null],
    [
      'many strings, one escape at the end',
      `[${fill(`"${'x'.repeat(18)}",`).repeat(3)}"\\n"]`,
      null,
    ],
    ['many long strings with an escape each', `[${fill(`"${'x'.repeat(40)}\\n",`)}""]`, null],
    ['surrogate pairs', `"${fill('\\ud83e\\ude9d')}"`, null],
    ['a string that does not end', `"${fill('x')}`, 'syntax'],
    ['backslashes', `"${fill('\\\\')}`, 'syntax'],
    ['white space', fill(' '), 'syntax'],
    ['white space before a fault', `${fill('\n')}x`, 'syntax'],
    ['white space between', `[${fill(' ')}1${fill('\t')}]`, null],
    ['commas', `[${fill(',')}`, 'syntax'],
    ['empty arrays', `[${fill('[],')}[]]`, null],
  ];
  // The quadratic way takes minutes.
  const MS_MAX = 3_000;
  for (const [what, text, code] of hostile) {
    test(what, () => {
      const startedAt = performance.now();
      const fault = scanJson(text, { depthMax: DEPTH_MAX, isJson: false });
      assert.equal(fault?.code ?? null, code);
      if (code !== 'syntax' && code !== 'too_deep') {
        assert.deepEqual(scanJson(text, { depthMax: DEPTH_MAX, isJson: true }), fault);
      }
      assert.ok(performance.now() - startedAt < MS_MAX);
    });
  }

  test('nesting without a limit does not exhaust the stack', () => {
    const depth = 20_000;
    const text = '['.repeat(depth) + ']'.repeat(depth);
    assert.equal(faultOf(text, Number.POSITIVE_INFINITY), null);
  });
});

/** The fault, which is the same with and without `JSON.parse` having accepted the text before. */
function faultOf(text: string, depthMax = DEPTH_MAX): JsonFault | null {
  const fault = scanJson(text, { depthMax, isJson: false });
  if (isAccepted(text)) assert.deepEqual(scanJson(text, { depthMax, isJson: true }), fault);
  return fault;
}

function isAccepted(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** docs/webhooks.md, by another way: as fractions of whole numbers of any size. */
function isHeldExactly(text: string): boolean {
  const number = Number(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(number);
  if (!Number.isFinite(number)) return false;
  const [asked, held] = [fractionOf(text), fractionOf(String(number))];
  if (asked.digits === 0n || held.digits === 0n) return asked.digits === held.digits;
  const shift = asked.scale - held.scale;
  // So far apart that neither can be the other's value with zeros behind it.
  if (Math.abs(shift) > 2_000) return false;
  return shift >= 0
    ? asked.digits * 10n ** BigInt(shift) === held.digits
    : asked.digits === held.digits * 10n ** BigInt(-shift);
}

/** The value as so many digits times a power of ten. */
function fractionOf(text: string): { digits: bigint; scale: number } {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [integer = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(integer + fraction), scale: Number(exponent) - fraction.length };
}

function randomNumber(random: Seeded): string {
  const digits = (count: number) =>
    Array.from({ length: count }, () => random.pick([...'0123456789', '0', '9'])).join('');
  const integer =
    random.below(3) === 0 ? '0' : random.pick([...'123456789']) + digits(random.below(20));
  const fraction = random.below(2) === 0 ? `.${digits(1 + random.below(20))}` : '';
  const exponent =
    random.below(3) === 0 ? random.pick(['e', 'E', 'e+', 'e-']) + digits(1 + random.below(3)) : '';
  // A number as programs write them is held by definition: half of all are such.
  if (random.below(2) === 0)
    return String(Number(integer + fraction + exponent)).replace('Infinity', '1');
  return (random.below(4) === 0 ? '-' : '') + integer + fraction + exponent;
}

function randomJson(random: Seeded, depth: number): string {
  const kind = random.below(depth > 0 ? 6 : 4);
  const space = () => random.pick(['', '', '', ' ', '\n', '\t ', '\r']);
  const list = (item: () => string) =>
    Array.from({ length: random.below(4) }, () => space() + item() + space()).join(',');
  switch (kind) {
    case 0:
      return random.pick(['null', 'true', 'false']);
    case 1:
      return randomNumber(random);
    case 2:
    case 3:
      return randomString(random);
    case 4:
      return `[${list(() => randomJson(random, depth - 1))}${space()}]`;
    default:
      return `{${list(() => `${randomName(random)}${space()}:${randomJson(random, depth - 1)}`)}${space()}}`;
  }
}

function randomName(random: Seeded): string {
  const known = ['"a"', '"b"', '"\\u0061"', '"__proto__"', '"constructor"', '"prototype"'];
  return random.below(3) === 0 ? random.pick(known) : randomString(random);
}

function randomString(random: Seeded): string {
  const parts = ['a', 'b', ' ', 'é', '🪝', '\u2028', '\\n', '\\"', '\\\\', '\\/', '\\u0041'];
  const rare = ['\\ud83e\\ude9d', '\\ud800', '\\udc00', 'xxxxxxxxxxxxxxxxxxxx'];
  const part = () => (random.below(20) === 0 ? random.pick(rare) : random.pick(parts));
  return `"${Array.from({ length: random.below(8) }, part).join('')}"`;
}

/** One or two characters taken out, put in, changed or exchanged. */
function damaged(random: Seeded, text: string): string {
  const at = random.below(text.length + 1);
  const length = random.below(3);
  const characters = [...'{}[]",:\\0123456789.eE+-tfnu \n\t', '\u0000', '\ud800', "'"];
  const put = random.below(3) === 0 ? '' : random.pick(characters);
  return text.slice(0, at) + put + text.slice(at + length);
}

function manyNames(chars: number, prefix = 'n'): string {
  let text = '';
  for (let index = 0; text.length < chars; index++) text += `"${prefix}${index}":0,`;
  return text;
}

/** Different names that the usual 31-times hash cannot tell apart. */
function manyEqualHashes(chars: number): string {
  let text = '';
  for (let index = 0; text.length < chars; index++) {
    const bits = index.toString(2).padStart(16, '0');
    text += `"${bits.replaceAll('0', 'Aa').replaceAll('1', 'BB')}":0,`;
  }
  return text;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 20)}… (${text.length} characters)` : text;
}
