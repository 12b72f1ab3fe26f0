import { literalAddress } from './address.ts';
import { invalid } from './errors.ts';
import type { AddressPolicy } from './ports.ts';

export const URL_CHARS_MAX = 2_048;

export interface UrlRule {
  allowHttp: boolean;
  /** Names that mean something only inside a network: receivers may be there. */
  allowLocalNames: boolean;
  addresses: AddressPolicy;
}

/**
 * The rule for the URL of a webhook when it is saved. It is there to be friendly: what protects the
 * network is the guard at each connection, which sees the address that the socket will use.
 */
export function checkWebhookUrl(text: string, rule: UrlRule): URL {
  const refuse = (code: string, detail: string) => invalid('/url', code, detail);
  if (text.length > URL_CHARS_MAX) {
    throw refuse('too_long', `A URL has at most ${URL_CHARS_MAX} characters.`);
  }
  const url = URL.parse(text);
  if (url === null || /[\s\p{Cc}]/u.test(text)) {
    throw refuse(
      'invalid_url',
      'This is not an absolute URL such as https://example.com/webhooks.',
    );
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refuse('scheme_not_allowed', 'Use https:// (or http:// where that is allowed).');
  }
  if (url.protocol === 'http:' && !rule.allowHttp) {
    throw refuse(
      'scheme_not_allowed',
      'Plain http is not allowed here: use https, or let the operator set POSTHORN_ALLOW_HTTP=true.',
    );
  }
  if (/^https?:\/\/[^/?#]*@/i.test(text)) {
    throw refuse('credentials_not_allowed', 'A webhook URL carries no user name or password.');
  }
  if (url.hash !== '' || text.includes('#')) {
    throw refuse('fragment_not_allowed', 'A webhook URL carries no fragment ("#…").');
  }
  if (url.port === '0') throw refuse('port_not_allowed', 'Port 0 cannot be connected to.');
  checkHost(url, rule, refuse);
  // The parser mends these on its own, and others read them in other ways.
  if (text.includes('\\') || !/^https?:\/\/[^/]/i.test(text)) {
    throw refuse(
      'invalid_url',
      'Behind the scheme come two slashes and a host, as in https://example.com/webhooks.',
    );
  }
  return url;
}

function checkHost(url: URL, rule: UrlRule, refuse: (code: string, detail: string) => Error): void {
  const name = url.hostname.replace(/\.+$/, '');
  // Behind two dots an address looks like a name; without them the parser knows it in any spelling.
  const address = literalAddress(URL.parse(`http://${name}/`)?.hostname ?? name);
  if (address !== null) {
    if (rule.addresses.verdict(address) === 'blocked') {
      throw refuse(
        'address_not_allowed',
        'This address is not public. The operator can allow networks with POSTHORN_ALLOW_NETWORKS.',
      );
    }
    return;
  }
  const labels = name.split('.');
  if (name.length > 253 || labels.some((label) => label === '' || label.length > 63)) {
    throw refuse('invalid_host', 'The host name has an empty or too long label.');
  }
  if (isLocal(labels, rule)) {
    throw refuse(
      'address_not_allowed',
      'This name is not public. The operator can allow networks with POSTHORN_ALLOW_NETWORKS.',
    );
  }
}

/** RFC 6761, 6762, 7686, 8375 and the one that ICANN reserved for private use. */
const LOCAL_NAMES = ['local', 'internal', 'home.arpa', 'onion'];

function isLocal(labels: readonly string[], { addresses, allowLocalNames }: UrlRule): boolean {
  if (labels.at(-1) === 'localhost') {
    return addresses.verdict('127.0.0.1') === 'blocked' && addresses.verdict('::1') === 'blocked';
  }
  if (allowLocalNames) return false;
  return (
    labels.length === 1 || LOCAL_NAMES.some((name) => `.${labels.join('.')}`.endsWith(`.${name}`))
  );
}
