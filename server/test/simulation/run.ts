// Runs the simulation for many seeds.
//
//   npm run sim -- --seeds 2000            so many, from a random one
//   npm run sim -- --seeds 2000 --from 1   from this one
//   npm run sim -- --seed 17               this one, with everything that happens
//   npm run sim -- --nodes                 several nodes over one database, instead of one
//   npm run sim -- --first                 stops at the first that fails, and says how many it took
import { parseArgs } from 'node:util';
import { simulateNodes } from './nodes/nodes-simulation.ts';
import { runSeeds, type SeedsRun, summaryOf } from './seeds.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    seed: { type: 'string' },
    from: { type: 'string' },
    nodes: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
});

if (values.seed === undefined) {
  const from = Number(values.from ?? Math.floor(Math.random() * 2 ** 31));
  const until = values.first ? ({ failures }: SeedsRun) => failures.length > 0 : () => false;
  const world = values.nodes ? 'nodes' : 'one';
  const run = await runSeeds({ world, from, count: Number(values.seeds), until });
  console.log(values.first ? JSON.stringify({ seeds: run.count }) : summaryOf(run));
  process.exitCode = run.failures.length > 0 ? 1 : 0;
} else {
  const {
    violations,
    digest,
    trace: _,
    ...report
  } = await (values.nodes ? simulateNodes : simulate)(Number(values.seed), { isShown: true });
  console.log(report, digest);
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
