// `npm run check`: the one gate, the same on a laptop and in CI. Every step runs even when an
// earlier one failed, so that one run tells everything that is wrong.
//
//   node scripts/check.ts --without=tests   without a step (several: --without=tests,lint)
import { parseArgs } from 'node:util';
import { exitCodeOf, runNode } from './test.ts';

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

// Biome colours even what is not shown on a terminal, letter by letter.
const colors = `--colors=${process.stdout.isTTY ? 'force' : 'off'}`;

const steps: readonly Step[] = [
  { name: 'lint', args: ['node_modules/.bin/biome', 'ci', '--error-on-warnings', colors, '.'] },
  { name: 'types', args: ['node_modules/.bin/tsc', '--noEmit'] },
  { name: 'import-direction', args: ['scripts/import-direction.ts'] },
  { name: 'docs', args: ['scripts/docs-check.ts'] },
  { name: 'reference-pages', args: ['scripts/reference-pages.ts', '--check'] },
  { name: 'tests', args: ['scripts/test.ts'] },
];

async function check(wanted: readonly Step[]): Promise<number> {
  const results: { name: string; seconds: string; passed: boolean }[] = [];
  for (const { name, args } of wanted) {
    console.log(`\n── ${name}`);
    const startedMs = performance.now();
    const { code, stoppedBy } = await runNode({ args });
    if (stoppedBy !== null) return exitCodeOf(stoppedBy);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    results.push({ name, seconds, passed: code === 0 });
  }
  console.log('\n── check');
  for (const { name, seconds, passed } of results) {
    console.log(`${passed ? 'passed' : 'FAILED'}  ${name} (${seconds} s)`);
  }
  return results.every(({ passed }) => passed) ? 0 : 1;
}

function stepsWithout(left: readonly string[]): readonly Step[] {
  const unknown = left.find((name) => !steps.some((step) => step.name === name));
  if (unknown === undefined) return steps.filter(({ name }) => !left.includes(name));
  const names = steps.map(({ name }) => name).join(', ');
  throw new Error(`--without=${unknown}: no such step. The steps are ${names}.`);
}

const { values } = parseArgs({ options: { without: { type: 'string', multiple: true } } });
const left = (values.without ?? []).flatMap((names) => names.split(','));
process.exitCode = await check(stepsWithout(left));
