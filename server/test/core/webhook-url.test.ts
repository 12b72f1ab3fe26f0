import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { literalAddress } from '../../src/core/address.ts';
import { PosthornError } from '../../src/core/errors.ts';
import { checkWebhookUrl, type UrlRule } from '../../src/core/webhook-url.ts';
import { createAddressPolicy } from '../../src/platform/address-policy.ts';
import { spellingsOf, TARGETS } from './support/url-spellings.ts';

const PUBLIC: UrlRule = {
  allowHttp: false,
  allowLocalNames: false,
  addresses: createAddressPolicy([]),
};
const DEV: UrlRule = {
  allowHttp: true,
  allowLocalNames: true,
  addresses: createAddressPolicy(['127.0.0.0/8', '::1/128']),
};

describe('a webhook may have the URL', () => {
  const cases: [text: string, rule: UrlRule][] = [
    ['https://example.com', PUBLIC],
    ['https://example.com/webhooks?a=b&c=%20d', PUBLIC],
    ['https://EXAMPLE.com:8443/', PUBLIC],
    ['https://example.com:1/', PUBLIC],
    ['https://example.com:65535/', PUBLIC],
    ['https://example.com./', PUBLIC],
    ['https://xn--bcher-kva.example/', PUBLIC],
    ['https://bücher.example/', PUBLIC],
    ['https://8.8.8.8/', PUBLIC],
    ['https://[2606:4700::1111]/', PUBLIC],
    ['https://1.2.3.4.example/', PUBLIC],
    [`https://${'a'.repeat(63)}.example/`, PUBLIC],
    [`https://${hostOf(253)}/`, PUBLIC],
    [urlOf(2_048), PUBLIC],
    ['http://example.com/', DEV],
    ['http://127.0.0.1:4100/', DEV],
    ['http://127.1/', DEV],
    ['http://[::1]/', DEV],
    ['http://[::ffff:127.0.0.1]/', DEV],
    ['http://localhost/', DEV],
    ['HTTPS://example.com/@me?to=you@example.com', PUBLIC],
  ];
  for (const [text, rule] of cases) {
    test(`${shortened(text)}${rule === DEV ? ', in development' : ''}`, () => {
      assert.equal(checkWebhookUrl(text, rule).href, new URL(text).href);
    });
  }
});

describe('a webhook may not have the URL', () => {
  const cases: [text: string, code: string, rule?: UrlRule][] = [
    ['', 'invalid_url'],
    ['example.com', 'invalid_url'],
    ['/webhooks', 'invalid_url'],
    ['//example.com/', 'invalid_url'],
    ['https:example.com/', 'invalid_url'],
    ['https:/example.com/', 'invalid_url'],
    ['https:///example.com/', 'invalid_url'],
    ['https:\\\\example.com/', 'invalid_url'],
    ['https://example.com\\webhooks', 'invalid_url'],
    ['https://@example.com/', 'credentials_not_allowed'],
    ['https://:@example.com/', 'credentials_not_allowed'],
    ['https://', 'invalid_url'],
    ['https://exa mple.com/', 'invalid_url'],
    ['https://example.com/a b', 'invalid_url'],
    [' https://example.com/', 'invalid_url'],
    ['https://example.com/\n', 'invalid_url'],
    ['https://exam\tple.com/', 'invalid_url'],
    ['https://example.com/\u0000', 'invalid_url'],
    ['https://example.com/\u0085', 'invalid_url'],
    ['https://example.com/\u2028', 'invalid_url'],
    ['https://example.com:65536/', 'invalid_url'],
    ['https://example.com:-1/', 'invalid_url'],
    ['https://[::1/', 'invalid_url'],
    ['https://1.2.3.256/', 'invalid_url'],
    ['https://%00/', 'invalid_url'],
    ['ftp://example.com/', 'scheme_not_allowed'],
    ['javascript:alert(1)', 'scheme_not_allowed'],
    ['file:///etc/passwd', 'scheme_not_allowed'],
    ['unix:/run/x.sock', 'scheme_not_allowed'],
    ['http://example.com/', 'scheme_not_allowed'],
    ['HTTP://example.com/', 'scheme_not_allowed'],
    ['https://user@example.com/', 'credentials_not_allowed'],
    ['https://user:password@example.com/', 'credentials_not_allowed'],
    ['https://:password@example.com/', 'credentials_not_allowed'],
    ['https://example.com@127.0.0.1/', 'credentials_not_allowed'],
    ['https://example.com/#fragment', 'fragment_not_allowed'],
    ['https://example.com/#', 'fragment_not_allowed'],
    ['https://example.com#@127.0.0.1/', 'fragment_not_allowed'],
    ['https://example.com:0/', 'port_not_allowed'],
    ['https://example.com:00000/', 'port_not_allowed'],
    ['https://a..example/', 'invalid_host'],
    ['https://.example/', 'invalid_host'],
    ['https://./', 'invalid_host'],
    [`https://${'a'.repeat(64)}.example/`, 'invalid_host'],
    [`https://${hostOf(254)}/`, 'invalid_host'],
    [urlOf(2_049), 'too_long'],
  ];
  for (const [text, code] of cases) {
    test(`${shortened(JSON.stringify(text))}: ${code}`, () => assertRefused(text, code, PUBLIC));
  }
});

describe('a name that is not public is refused:', () => {
  const names = [
    ...['localhost', 'LOCALHOST', 'localhost.', 'localhost...', 'a.localhost', 'b.a.localhost.'],
    ...['printer.local', 'printer.local.', 'PRINTER.Local', 'a.b.local', 'local', 'local.'],
    ...['metadata.google.internal', 'metadata.google.internal..', 'internal', 'a.internal'],
    ...['router.home.arpa', 'home.arpa', 'a.onion', 'onion', 'db', 'db.', 'db...', 'kubernetes'],
    ...['ｌｏｃａｌｈｏｓｔ', 'loc%61lhost', 'l\u00adocalhost', 'a。local', 'a．internal', 'com'],
  ];
  for (const name of names) {
    test(name, () => assertRefused(`https://${name}:8443/x`, 'address_not_allowed', PUBLIC));
  }
});

describe('a name that only looks like it is accepted:', () => {
  const names = [
    ...['localhost.example.com', 'notlocalhost.example', 'mylocal.example', 'internal.example.com'],
    ...['home.arpa.example.com', 'a.notlocal', 'a.myinternal', 'xhome.arpa', 'onion.example'],
  ];
  for (const name of names) {
    test(name, () => assert.ok(checkWebhookUrl(`https://${name}/`, PUBLIC)));
  }
});

describe('where networks are allowed', () => {
  const inside: UrlRule = {
    allowHttp: true,
    allowLocalNames: true,
    addresses: createAddressPolicy(['10.0.0.0/8']),
  };
  for (const name of ['app', 'db.internal', 'printer.local', 'a.home.arpa']) {
    test(`${name} may have receivers`, () => assert.ok(checkWebhookUrl(`http://${name}/`, inside)));
  }
  test('localhost is refused unless one of them is the loopback', () => {
    assertRefused('http://localhost/', 'address_not_allowed', inside);
    assert.ok(checkWebhookUrl('http://localhost:3000/', DEV));
    assert.ok(checkWebhookUrl('http://app.localhost:3000/', DEV));
  });
});

describe('an address that is not public is refused, however it is spelled:', () => {
  const spellings = [
    'http://127.0.0.1/',
    'http://127.1/',
    'http://127.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://0X7F.0x1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.0.0.1./',
    'http://127.0.0.1../',
    'http://127.0.0.1.../',
    'http://0x7f.1../',
    'http://2130706433../',
    'http://127%2e0%2e0%2e1/',
    'http://%31%32%37.0.0.1/',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http:\\\\127.0.0.1/',
    'http:127.0.0.1',
    'http:///127.0.0.1/',
    'http://127.0.0.1:8080/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://192.168.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[::FFFF:0A00:0001]/',
    'http://[0:0:0:0:0:ffff:10.0.0.1]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[2002:a00:1::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[2600::5efe:a00:1]/',
  ];
  const rule: UrlRule = { ...PUBLIC, allowHttp: true };
  for (const text of spellings) {
    test(text, () => assertRefused(text, 'address_not_allowed', rule));
  }
});

describe('an address that is not public is refused in fifty spellings:', () => {
  const rule: UrlRule = { ...PUBLIC, allowHttp: true };
  for (const target of TARGETS) {
    test(target, () => {
      const spellings = new Set(spellingsOf(target));
      assert.ok(spellings.size >= 48, `only ${spellings.size}`);
      for (const text of spellings) {
        assertRefused(text, 'address_not_allowed', rule);
        // So it is also where the connection is made.
        const literal = literalAddress(new URL(text).hostname.replace(/\.+$/, ''));
        if (literal !== null) assert.equal(rule.addresses.verdict(literal), 'blocked', text);
      }
    });
  }
});

test('in development an address that is neither public nor of this machine is refused too', () => {
  assertRefused('http://10.0.0.1/', 'address_not_allowed', DEV);
  assertRefused('http://169.254.169.254/', 'address_not_allowed', DEV);
});

describe('the address in a host is', () => {
  const cases: [host: string, address: string | null][] = [
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['[2606:4700::1111]', '2606:4700::1111'],
    ['example.com', null],
    ['1.2.3', null],
    ['1.2.3.4.5', null],
    ['1.2.3.4.example', null],
    ['', null],
  ];
  for (const [host, address] of cases) {
    test(`${address ?? 'none'} in "${host}"`, () => assert.equal(literalAddress(host), address));
  }
});

function assertRefused(text: string, code: string, rule: UrlRule): void {
  assert.throws(
    () => checkWebhookUrl(text, rule),
    (error: Error) => {
      assert.ok(error instanceof PosthornError, error.message);
      assert.equal(error.code, 'invalid_request');
      assert.deepEqual(
        error.faults.map((fault) => [fault.pointer, fault.code]),
        [['/url', code]],
      );
      return true;
    },
  );
}

function urlOf(length: number): string {
  return 'https://example.com/'.padEnd(length, 'x');
}

/** A host name of so many characters, none of its labels too long. */
function hostOf(length: number): string {
  return `${'a'.repeat(60)}.`
    .repeat(5)
    .slice(0, length - 4)
    .replace(/\.$/, 'a')
    .concat('.com');
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 30)}… (${text.length} characters)` : text;
}
