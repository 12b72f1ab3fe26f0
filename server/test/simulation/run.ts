// Runs worlds out of seeds and says what did not hold.
//
//   npm run sim -- --seeds 2000            so many, from a seed of chance on
//   npm run sim -- --from 1 --seeds 300    these
//   npm run sim -- --seed 42               one
//   npm run sim -- --first                 stops at the first that fails
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

export interface Report {
  seeds: number;
  failed: { seed: number; faults: readonly string[] }[];
  exchanges: number;
  deliveries: number;
  duplicates: number;
}

/** Every hundredth seed is run twice: the same seed has to give the same world. */
const REPEAT_EVERY = 100;

export async function runSeeds(
  from: number,
  count: number,
  options: { stopAtFailure?: boolean } = {},
): Promise<Report> {
  const report: Report = { seeds: 0, failed: [], exchanges: 0, deliveries: 0, duplicates: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const faults = await faultsOf(seed, report);
    report.seeds += 1;
    if (faults.length === 0) continue;
    report.failed.push({ seed, faults });
    if (options.stopAtFailure === true) break;
  }
  return report;
}

async function faultsOf(seed: number, report: Report): Promise<readonly string[]> {
  try {
    const verdict = await simulate(seed);
    report.exchanges += verdict.exchanges;
    report.deliveries += verdict.deliveries;
    report.duplicates += verdict.duplicates;
    const again = seed % REPEAT_EVERY === 0 ? await simulate(seed) : verdict;
    return again.trace === verdict.trace
      ? verdict.faults
      : [...verdict.faults, 'the same seed gave another world'];
  } catch (error) {
    return [`it threw: ${(error as Error).stack ?? error}`];
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      seed: { type: 'string' },
      first: { type: 'boolean' },
    },
  });
  const from = Number(values.seed ?? values.from ?? Math.floor(Math.random() * 2 ** 31));
  const startedAt = performance.now();
  const count = values.seed === undefined ? Number(values.seeds ?? 300) : 1;
  const report = await runSeeds(from, count, { stopAtFailure: values.first === true });
  for (const { seed, faults } of report.failed) {
    console.error(`seed ${seed}: ${faults.length} faults`);
    for (const fault of faults.slice(0, 5)) console.error(`  ${fault}`);
  }
  const { failed, ...figures } = report;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(JSON.stringify({ from, ...figures, failed: failed.length, seconds }));
  process.exitCode = failed.length === 0 ? 0 : 1;
}
