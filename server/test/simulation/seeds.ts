import { simulateNodes } from './nodes/nodes-simulation.ts';
import { simulate } from './simulation.ts';

/** One engine for everything, or several nodes over one database. */
export type World = 'one' | 'nodes';

/** What every run says; numbers are added up. */
interface Report {
  seed: number;
  violations: readonly string[];
  digest: string;
}

export interface SeedsRun {
  from: number;
  count: number;
  failures: { seed: number; violations: readonly string[] }[];
  totals: Record<string, number>;
  seconds: number;
}

/** One of so many seeds is run twice: both have to be the same. */
const TWICE_EVERY = 100;

/** Runs so many seeds one after the other; `until` says when it is enough. */
export async function runSeeds({
  world = 'one',
  from,
  count,
  until = () => false,
}: {
  world?: World;
  from: number;
  count: number;
  until?: (run: SeedsRun) => boolean;
}): Promise<SeedsRun> {
  const startedAt = performance.now();
  const totals: SeedsRun['totals'] = {};
  const run: SeedsRun = { from, count: 0, failures: [], totals, seconds: 0 };
  for (let seed = from; seed < from + count && !until(run); seed++) {
    const report: Report = await simulationOf[world](seed);
    const violations = [...report.violations, ...(await differences(world, report))];
    if (violations.length > 0) run.failures.push({ seed, violations });
    for (const [name, value] of Object.entries(report)) {
      if (typeof value === 'number' && name !== 'seed') totals[name] = (totals[name] ?? 0) + value;
    }
    run.count += 1;
  }
  run.seconds = (performance.now() - startedAt) / 1_000;
  return run;
}

const simulationOf = { one: simulate, nodes: simulateNodes };

async function differences(world: World, report: Report): Promise<string[]> {
  if (report.seed % TWICE_EVERY !== 0) return [];
  const again = await simulationOf[world](report.seed);
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
