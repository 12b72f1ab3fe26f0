// What the exact reading of JSON costs beside `JSON.parse` alone, by kind of body. Interleaved, and
// compared as ratios of medians.
//
//   node bench/json.ts [rounds]
import { scanJson } from '../server/src/core/json-scan.ts';
import { monotonicMs } from './support/monotonic.ts';
import { seededRandom } from './support/random.ts';
import { fixed, table } from './support/report.ts';
import { sampleData } from './support/sample-events.ts';
import { spread } from './support/statistics.ts';

/** As the server calls it, once `JSON.parse` has accepted the text. */
const SCAN = { depthMax: 64, isJson: true };
const ROUNDS = 25;
/** Characters that each measurement reads. */
const CHARACTERS = 4_000_000;
const SEED = 1;

type Reader = (text: string) => unknown;
const READERS: Record<'parse' | 'scan', Reader> = {
  parse: (text) => JSON.parse(text),
  scan: (text) => {
    const fault = scanJson(text, SCAN);
    if (fault !== null) throw new Error(`a body of the bench is refused: ${fault.detail}`);
    return fault;
  },
};

const rounds = Number(process.argv[2] ?? ROUNDS);
const rows = Object.entries(bodies(SEED)).map(([name, texts]) => row(name, texts));
console.log(
  table(['body', 'bytes', 'JSON.parse µs', 'scanJson µs', 'scan ÷ parse', 'min–max'], rows),
);

function row(name: string, texts: readonly string[]): string[] {
  const parse: number[] = [];
  const scan: number[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const parseUs = timeEachUs(READERS.parse, texts);
    const scanUs = timeEachUs(READERS.scan, texts);
    if (round === 0) continue;
    parse.push(parseUs);
    scan.push(scanUs);
  }
  const ratios = spread(scan.map((us, index) => us / (parse[index] ?? Number.NaN)));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / texts.length;
  return [
    name,
    fixed(bytes, 0),
    fixed(spread(parse).median, 2),
    fixed(spread(scan).median, 2),
    fixed(ratios.median, 2),
    `${fixed(ratios.min, 2)}–${fixed(ratios.max, 2)}`,
  ];
}

function timeEachUs(read: Reader, texts: readonly string[]): number {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  const repeats = Math.ceil(CHARACTERS / length);
  const beganAt = monotonicMs();
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const text of texts) read(text);
  }
  return ((monotonicMs() - beganAt) / (repeats * texts.length)) * 1_000;
}

/** Different bodies of each kind, so that nothing is fast because it was seen before. */
function bodies(seed: number): Record<string, string[]> {
  const random = seededRandom(seed);
  const many = (make: () => unknown) =>
    Array.from({ length: 32 }, () => asRead(JSON.stringify({ type: 'a.b', data: make() })));
  const users = sampleData(seed, 32);
  return {
    'user, 300 B': many(() => users.pop()),
    'order, 1 KB': many(() => order(random, 5)),
    'orders, 10 KB': many(() => order(random, 80)),
    'text beyond ASCII, 1 KB': many(() => prose(random, 'žluťoučký kůň 日本語 😀 ')),
    'escapes, 1 KB': many(() => prose(random, 'a "quoted" line\n\tand C:\\path ')),
    'numbers, 1 KB': many(() => ({ points: Array.from({ length: 100 }, () => random() * 1e3) })),
  };
}

/** As the server has it: made from bytes, in one piece. */
function asRead(text: string): string {
  return Buffer.from(text).toString('utf8');
}

function order(random: () => number, lines: number): object {
  const number = (max: number) => Math.floor(random() * max);
  return {
    id: `ord_${number(1e9)}`,
    customer: { id: `cus_${number(1e9)}`, name: 'Ada Lovelace', email: 'ada@example.com' },
    currency: 'EUR',
    total: number(1e6) / 100,
    paid: random() < 0.5,
    note: null,
    lines: Array.from({ length: lines }, () => ({
      sku: `SKU-${number(1e6)}`,
      title: 'A thing of some kind, in blue',
      quantity: number(9) + 1,
      price: number(1e5) / 100,
      tags: ['new', 'sale'],
    })),
    created_at: '2026-03-01T10:00:00Z',
  };
}

function prose(random: () => number, words: string): object {
  const text = () => words.repeat(2 + Math.floor(random() * 4));
  return { title: words, paragraphs: Array.from({ length: 8 }, text) };
}
