import { type Report, simulate } from './simulation.ts';

export interface SeedsRun {
  from: number;
  count: number;
  failures: { seed: number; violations: readonly string[] }[];
  totals: Record<
    | 'exchanges'
    | 'deliveries'
    | 'duplicates'
    | 'unrecorded'
    | 'secondTries'
    | 'crashes'
    | 'handOversLost'
    | 'steps',
    number
  >;
  seconds: number;
}

/** One of so many seeds is run twice: both have to be the same. */
const TWICE_EVERY = 100;

/** Runs so many seeds one after the other; `until` says when it is enough. */
export async function runSeeds({
  from,
  count,
  until = () => false,
}: {
  from: number;
  count: number;
  until?: (run: SeedsRun) => boolean;
}): Promise<SeedsRun> {
  const startedAt = performance.now();
  const totals: SeedsRun['totals'] = {
    exchanges: 0,
    deliveries: 0,
    duplicates: 0,
    unrecorded: 0,
    secondTries: 0,
    crashes: 0,
    handOversLost: 0,
    steps: 0,
  };
  const run: SeedsRun = { from, count: 0, failures: [], totals, seconds: 0 };
  for (let seed = from; seed < from + count && !until(run); seed++) {
    const report = await simulate(seed);
    const violations = [...report.violations, ...(await differences(report))];
    if (violations.length > 0) run.failures.push({ seed, violations });
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += report[name];
    run.count += 1;
  }
  run.seconds = (performance.now() - startedAt) / 1_000;
  return run;
}

async function differences(report: Report): Promise<string[]> {
  if (report.seed % TWICE_EVERY !== 0) return [];
  const again = await simulate(report.seed);
  return again.digest === report.digest ? [] : ['the second run of this seed was another one'];
}

const SHOWN_MAX = 3;

/** What a run of seeds says, for people. */
export function summaryOf({ from, count, failures, totals, seconds }: SeedsRun): string {
  const failed = failures.flatMap(({ seed, violations }) => [
    `seed ${seed}: ${violations.length} violations`,
    ...violations.slice(0, SHOWN_MAX).map((violation) => `  ${violation}`),
  ]);
  const numbers = Object.entries(totals).map(([name, value]) => `${name} ${value}`);
  return [
    ...failed,
    `${count} seeds from ${from}, ${failures.length} failed, ${seconds.toFixed(1)} s`,
    numbers.join(', '),
  ].join('\n');
}
