import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

/** Everything a run goes by; kept in its report. */
export interface Options {
  runs: number;
  /** At fan-out 1; `fanOutEvents` at `fanOut`. */
  events: number;
  fanOut: number;
  fanOutEvents: number;
  /** Published before the clock starts, as a share of the events. */
  warmUpShare: number;
  connections: number;
  loopRequests: number;
  loopWarmUp: number;
  loopInFlight: number;
  latencyPerSecond: number;
  latencySeconds: number;
  seed: number;
  /** One step of a scenario may take so long. */
  limitMs: number;
  /** Where data files are made. */
  directory: string;
}

export interface Invocation {
  options: Options;
  only: readonly ScenarioName[];
  /** Where the report goes; null: `bench/results/<date>.json`. */
  out: string | null;
  /** Profile the server at this fan-out instead of measuring; null: measure. */
  profileFanOut: number | null;
}

const SCENARIOS = ['throughput', 'latency'] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

const FULL: Omit<Options, 'directory'> = {
  runs: 5,
  events: 80_000,
  fanOut: 10,
  fanOutEvents: 14_000,
  warmUpShare: 0.1,
  connections: 128,
  loopRequests: 150_000,
  loopWarmUp: 15_000,
  loopInFlight: 128,
  latencyPerSecond: 50,
  latencySeconds: 12,
  seed: 1,
  limitMs: 60_000,
};

/** Shows that everything works; its numbers mean nothing. */
const QUICK: Omit<Options, 'directory'> = {
  ...FULL,
  runs: 1,
  events: 1_000,
  fanOutEvents: 200,
  loopRequests: 2_000,
  loopWarmUp: 500,
  latencySeconds: 1,
};

export const HELP = `npm run bench -- [options]

  --quick                 a smoke run of a few seconds; its numbers mean nothing
  --only <names>          throughput, latency (by comma); default: both
  --runs <n>              interleaved runs (${FULL.runs})
  --events <n>            events of a run at fan-out 1 (${FULL.events})
  --fan-out-events <n>    events of a run at fan-out ${FULL.fanOut} (${FULL.fanOutEvents})
  --connections <n>       connections that publish (${FULL.connections})
  --loop-requests <n>     requests of a run of the bare loop (${FULL.loopRequests})
  --loop-in-flight <n>    its requests in flight (${FULL.loopInFlight})
  --latency-seconds <n>   length of each latency scenario (${FULL.latencySeconds})
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
  const options: Options = {
    ...(values.quick === true ? QUICK : FULL),
    directory: textOf(values.dir) ?? tmpdir(),
  };
  for (const [flag, name] of Object.entries(NUMBERS)) {
    const text = textOf(given.get(flag));
    if (text !== null) options[name] = wholeNumber(`--${flag}`, text);
  }
  return {
    options,
    only: scenarios(textOf(values.only)),
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

function scenarios(text: string | null): readonly ScenarioName[] {
  if (text === null) return SCENARIOS;
  return text.split(',').map((name) => {
    const known = SCENARIOS.find((each) => each === name);
    if (known === undefined) throw new Error(`--only knows ${SCENARIOS.join(' and ')}`);
    return known;
  });
}
