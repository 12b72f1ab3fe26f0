// `npm run bench`: what this machine does with Posthorn, beside a loop that only signs and sends.
// README.md beside this file says how to read it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELP, type Invocation, readInvocation } from './invocation.ts';
import { measureAll } from './measure.ts';
import { profileServer } from './profile.ts';
import { loopPerSecond, summaries } from './results.ts';
import { isInMemory } from './support/disk.ts';
import { Receiver } from './support/processes.ts';
import { machine } from './support/report.ts';
import { showResults } from './tables.ts';
import { showVerdicts, verdictsOf } from './verdicts.ts';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

const invocation = invocationOrExit();
if (isInMemory(invocation.options.directory)) {
  console.error(`${invocation.options.directory} is in memory: choose a real disk with --dir.`);
}
await using receiver = new Receiver();
if (invocation.profileFanOut === null) await measure(receiver, invocation);
else await profileServer(receiver, invocation.options, invocation.profileFanOut);

async function measure(of: Receiver, { options, only, isQuick, out }: Invocation): Promise<void> {
  const { samples, failures } = await measureAll(of, options, only);
  const about = machine();
  const verdicts = verdictsOf(samples);
  console.log(`\n${showResults(samples)}\n\n${showVerdicts(verdicts)}`);
  if (isQuick) console.log('\nA smoke run: these numbers, and so these verdicts, mean nothing.');
  for (const { scenario, error } of failures) console.log(`\nFAILED: ${scenario}: ${error}`);
  const path = out ?? `${RESULTS}${String(about.date).replaceAll(':', '-')}.json`;
  mkdirSync(dirname(path), { recursive: true });
  const loop = samples.loop.length > 0 ? loopPerSecond(samples) : null;
  const measured = { loop, summaries: summaries(samples), verdicts, failures, samples };
  writeFileSync(path, `${JSON.stringify({ ...about, options, ...measured }, null, 2)}\n`);
  console.log(`\nWritten to ${path}`);
  if (failures.length > 0) process.exitCode = 1;
}

function invocationOrExit(): Invocation {
  try {
    const read = readInvocation(process.argv.slice(2));
    if (read !== null) return read;
    console.log(HELP);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
