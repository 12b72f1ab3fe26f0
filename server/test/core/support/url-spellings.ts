/** Where somebody would like a request to go. */
export const TARGETS = [
  ...['127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '169.254.170.2'],
  ...['100.100.100.200', '192.0.0.192', '168.63.129.16', '0.0.0.0', '224.0.0.1', '255.255.255.255'],
];

/** An IPv4 address in the clothes of a URL. */
type Spelling = (parts: readonly [number, number, number, number]) => string;

const hex = (part: number) => `0x${part.toString(16)}`;
const octal = (part: number) => `0${part.toString(8)}`;
const whole = ([a, b, c, d]: Parameters<Spelling>[0]) => ((a * 256 + b) * 256 + c) * 256 + d;
const groups = ([a, b, c, d]: Parameters<Spelling>[0]) =>
  `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
const shifted = (text: string, zero: number) =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));

const HOSTS: readonly Spelling[] = [
  (parts) => parts.join('.'),
  ([a, b, c, d]) => `${a}.${b}.${c * 256 + d}`,
  ([a, b, c, d]) => `${a}.${(b * 256 + c) * 256 + d}`,
  (parts) => String(whole(parts)),
  (parts) => hex(whole(parts)),
  (parts) => hex(whole(parts)).toUpperCase(),
  (parts) => octal(whole(parts)),
  (parts) => parts.map(hex).join('.'),
  (parts) => parts.map(octal).join('.'),
  (parts) => parts.map((part) => `000${octal(part)}`).join('.'),
  (parts) => parts.map((part) => `0x0000${part.toString(16)}`).join('.'),
  ([a, b, c, d]) => [hex(a), octal(b), c, d].join('.'),
  ([a, b, c, d]) => [a, hex(b), octal(c), hex(d)].join('.'),
  ([a, b, c, d]) => `${hex(a)}.${b}.${octal(c * 256 + d)}`,
  ([a, b, c, d]) => `${octal(a)}.${hex((b * 256 + c) * 256 + d)}`,
  (parts) => `${parts.join('.')}.`,
  (parts) => `${parts.join('.')}..`,
  (parts) => `${parts.join('.')}...`,
  (parts) => `${whole(parts)}.`,
  (parts) => `${hex(whole(parts))}..`,
  (parts) => parts.join('%2e'),
  (parts) => parts.join('%2E'),
  (parts) => parts.join('.').replace(/\d/g, (digit) => `%3${digit}`),
  (parts) => String(whole(parts)).replace(/\d/g, (digit) => `%3${digit}`),
  (parts) => parts.join('。'),
  (parts) => parts.join('．'),
  (parts) => parts.join('｡'),
  (parts) => shifted(parts.join('.'), 0xff10),
  (parts) => shifted(parts.join('.'), 0x1d7ce),
  (parts) => shifted(parts.join('.'), 0x1d7d8),
  (parts) => shifted(String(whole(parts)), 0xff10),
  (parts) => parts.join('\u00ad.'),
  (parts) => parts.join('.\u200b'),
  (parts) => parts.join('.\u2060'),
  (parts) => `[::ffff:${parts.join('.')}]`,
  (parts) => `[::FFFF:${groups(parts)}]`,
  (parts) => `[0:0:0:0:0:ffff:${parts.join('.')}]`,
  (parts) => `[0000:0000:0000:0000:0000:ffff:${groups(parts)}]`,
  (parts) => `[::${parts.join('.')}]`,
  (parts) => `[::ffff:0:${parts.join('.')}]`,
  (parts) => `[64:ff9b::${parts.join('.')}]`,
  (parts) => `[64:ff9b:1::${groups(parts)}]`,
  (parts) => `[2002:${groups(parts)}::]`,
  (parts) => `[2001:0:${groups(parts)}::1]`,
  (parts) => `[2600::5efe:${parts.join('.')}]`,
  (parts) => `[2600::200:5efe:${groups(parts)}]`,
];

/** Fifty ways to write a URL that leads to the target. */
export function spellingsOf(target: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = target.split('.').map(Number);
  const hosts = HOSTS.map((spell) => spell([a, b, c, d]));
  return [
    ...hosts.map((host) => `http://${host}/`),
    `http:\\\\${target}\\`,
    `http:${target}`,
    `HTTP:///${target}:8080/a?b=c`,
    `http://${target}:00080`,
  ];
}
