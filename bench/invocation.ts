import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { FULL, type Options, QUICK } from './options.ts';

export interface Invocation {
  options: Options;
  /** In the order in which they run. */
  only: readonly ScenarioName[];
  isQuick: boolean;
  /** Where the report goes; null: `bench/results/<date>.json`. */
  out: string | null;
  /** Profile the server at this fan-out instead of measuring; null: measure. */
  profileFanOut: number | null;
}

/** What runs when nothing is said: less than ten minutes. */
const USUAL = ['throughput', 'latency', 'hung', 'slow'] as const;
/** Minutes each. */
const LONG = ['classes', 'isolation', 'backlog', 'idle', 'postgres'] as const;
const SCENARIOS = [...USUAL, ...LONG] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

export const HELP = `npm run bench -- [options]

  --quick                 everything in a tiny form, in seconds; its numbers mean nothing
  --all                   the long scenarios too
  --only <names>          by comma; default: ${USUAL.join(', ')}
                          the long ones: ${LONG.join(', ')}
  --runs <n>              interleaved runs, and pairs of runs (${FULL.runs})
  --events <n>            events of a run at fan-out 1 (${FULL.events})
  --fan-out-events <n>    events of a run at fan-out ${FULL.fanOut} (${FULL.fanOutEvents})
  --connections <n>       connections that publish (${FULL.connections})
  --loop-requests <n>     requests of a run of the bare loop (${FULL.loopRequests})
  --loop-in-flight <n>    its requests in flight (${FULL.loopInFlight})
  --latency-seconds <n>   length of each latency scenario (${FULL.latencySeconds})
  --pair-seconds <n>      length of each latency that is one of a pair (${FULL.pairSeconds})
  --seed <n>              of the events' contents (${FULL.seed})
  --dir <path>            where data files are made: a real disk (the temporary directory)
  --out <file>            where the report goes (bench/results/<date>.json)
  --profile [fan-out]     profile the server at this fan-out (1) instead of measuring`;

const NUMBERS = {
  runs: 'runs',
  events: 'events',
  'fan-out-events': 'fanOutEvents',
  connections: 'connections',
  'loop-requests': 'loopRequests',
  'loop-in-flight': 'loopInFlight',
  'latency-seconds': 'latencySeconds',
  'pair-seconds': 'pairSeconds',
  seed: 'seed',
} as const satisfies Record<string, keyof Options>;
const NUMBER_MAX = 10_000_000;

/** Null when only the help was wanted. Throws an error with a sentence for each misuse. */
export function readInvocation(args: readonly string[]): Invocation | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      all: { type: 'boolean' },
      profile: { type: 'boolean' },
      only: { type: 'string' },
      dir: { type: 'string' },
      out: { type: 'string' },
      ...Object.fromEntries(
        Object.keys(NUMBERS).map((name) => [name, { type: 'string' as const }]),
      ),
    },
  });
  if (values.help === true) return null;
  const isProfile = values.profile === true;
  if (positionals.length > (isProfile ? 1 : 0)) throw new Error(`what is "${positionals[0]}"?`);
  const given = new Map(Object.entries(values));
  const isQuick = values.quick === true;
  const options: Options = {
    ...(isQuick ? QUICK : FULL),
    directory: textOf(values.dir) ?? tmpdir(),
  };
  for (const [flag, name] of Object.entries(NUMBERS)) {
    const text = textOf(given.get(flag));
    if (text !== null) options[name] = wholeNumber(`--${flag}`, text);
  }
  return {
    options,
    only: scenarios(textOf(values.only), isQuick || values.all === true),
    isQuick,
    out: textOf(values.out),
    profileFanOut: isProfile ? wholeNumber('--profile', positionals[0] ?? '1') : null,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function wholeNumber(what: string, text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= NUMBER_MAX) return number;
  throw new Error(`${what} must be a whole number from 1 to ${NUMBER_MAX}`);
}

function scenarios(only: string | null, isAll: boolean): readonly ScenarioName[] {
  if (only === null) return isAll ? SCENARIOS : USUAL;
  const names = only.split(',');
  const unknown = names.find((name) => !SCENARIOS.some((each) => each === name));
  if (unknown !== undefined) {
    throw new Error(`--only knows ${SCENARIOS.join(', ')}; not "${unknown}"`);
  }
  return SCENARIOS.filter((name) => names.includes(name));
}
