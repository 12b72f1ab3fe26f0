// `npm run bench`: what this machine does with Posthorn, beside a loop that only signs and sends.
// README.md beside this file says how to read it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELP, type Invocation, type Options, readInvocation } from './options.ts';
import { profileServer } from './profile.ts';
import { loopPerSecond, type Samples, showResults, summaries } from './results.ts';
import { measureLoop } from './scenarios/bare-loop.ts';
import { measureLatency } from './scenarios/latency.ts';
import { measureThroughput } from './scenarios/throughput.ts';
import { isInMemory, writeAndSyncMs } from './support/disk.ts';
import { Receiver } from './support/processes.ts';
import { machine, whole } from './support/report.ts';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const SYNC_LOOP_MS = 1_000;

const invocation = invocationOrExit();
if (isInMemory(invocation.options.directory)) {
  console.error(`${invocation.options.directory} is in memory: choose a real disk with --dir.`);
}
await using receiver = new Receiver();
if (invocation.profileFanOut === null) await measure(receiver, invocation);
else await profileServer(receiver, invocation.options, invocation.profileFanOut);

async function measure(of: Receiver, { options, only, out }: Invocation): Promise<void> {
  const samples: Samples = { loop: [], throughput: [], latency: [], writeAndSyncMs: null };
  if (only.includes('throughput')) await measureRates(of, options, samples);
  if (only.includes('latency')) await measureLatencies(of, options, samples);
  const about = machine();
  console.log(`\n${showResults(samples)}\n`);
  const path = out ?? `${RESULTS}${String(about.date).replaceAll(':', '-')}.json`;
  mkdirSync(dirname(path), { recursive: true });
  const loop = samples.loop.length > 0 ? loopPerSecond(samples) : null;
  const report = { ...about, options, loop, summaries: summaries(samples), samples };
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`Written to ${path}`);
}

/** Interleaved, so that whatever else the machine does meets all of them. */
async function measureRates(of: Receiver, options: Options, samples: Samples): Promise<void> {
  const fanOuts = [
    { fanOut: 1, events: options.events },
    { fanOut: options.fanOut, events: options.fanOutEvents },
  ];
  for (let run = 1; run <= options.runs; run++) {
    for (const each of fanOuts) {
      const loop = await measureLoop(of, options);
      samples.loop.push(loop);
      const sample = await measureThroughput(of, options, each);
      samples.throughput.push(sample);
      say(`run ${run}: bare loop ${whole(loop.perSecond)}/s, fan-out ${each.fanOut} `);
      say(`${whole(sample.deliveriesPerSecond)} deliveries/s, `);
      say(`${sample.cpuUs.server.toFixed(1)} µs each\n`);
    }
  }
}

/** At a low rate, and at half of what was reached above. */
async function measureLatencies(of: Receiver, options: Options, samples: Samples): Promise<void> {
  const { latencyPerSecond, latencySeconds: seconds, directory } = options;
  samples.writeAndSyncMs = writeAndSyncMs(directory, SYNC_LOOP_MS);
  const reached = summaries(samples).find(({ fanOut }) => fanOut === 1);
  const rates = [latencyPerSecond];
  if (reached !== undefined) rates.push(Math.floor(reached.deliveriesPerSecond.median / 2));
  for (const perSecond of rates) {
    samples.latency.push(await measureLatency(of, options, { perSecond, seconds }));
    say(`latency at ${whole(perSecond)}/s measured\n`);
  }
}

/** Progress is not the result: standard output has only that. */
function say(text: string): void {
  process.stderr.write(text);
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
