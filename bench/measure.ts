import type { ScenarioName } from './invocation.ts';
import type { Options } from './options.ts';
import { noSamples, type Samples, summaries } from './results.ts';
import { type BacklogSample, measureBacklog } from './scenarios/backlog.ts';
import { measureLoop } from './scenarios/bare-loop.ts';
import { measureClasses } from './scenarios/classes.ts';
import { measureHung } from './scenarios/hung.ts';
import { measureIdle } from './scenarios/idle.ts';
import { measureIsolation } from './scenarios/isolation.ts';
import { measureLatency } from './scenarios/latency.ts';
import { measurePostgres } from './scenarios/postgres.ts';
import { measureSlow } from './scenarios/slow.ts';
import { measureThroughput } from './scenarios/throughput.ts';
import { writeAndSyncMs } from './support/disk.ts';
import { monotonicMs } from './support/monotonic.ts';
import type { Receiver } from './support/processes.ts';
import { say } from './support/progress.ts';
import { whole } from './support/report.ts';

export interface Failure {
  scenario: ScenarioName;
  error: string;
}

interface Run {
  receiver: Receiver;
  options: Options;
  samples: Samples;
  /** Measured once, when it is first asked for. */
  halfLoad: () => Promise<number>;
  /** What fails in a step is noted, and does not take what other steps measure with it. */
  attempt: (step: () => Promise<void>) => Promise<void>;
}

const MEASURES: Record<ScenarioName, (run: Run) => Promise<void>> = {
  throughput,
  latency,
  hung: async (run) => {
    const { receiver, options, samples, halfLoad } = run;
    samples.hung = await measureHung(receiver, options, await halfLoad());
  },
  slow: async ({ receiver, options, samples }) => {
    samples.slow = await measureSlow(receiver, options);
  },
  classes: async ({ receiver, options, samples }) => {
    samples.classes = await measureClasses(receiver, options);
  },
  isolation: async ({ receiver, options, samples }) => {
    samples.isolation = await measureIsolation(receiver, options);
  },
  backlog,
  idle: async ({ receiver, options, samples, halfLoad }) => {
    samples.idle = await measureIdle(receiver, options, await halfLoad());
  },
  postgres: async ({ receiver, options, samples }) => {
    samples.postgres = await measurePostgres(receiver, options);
  },
};

/** One scenario after another, whether or not the ones before could be measured. */
export async function measureAll(
  receiver: Receiver,
  options: Options,
  scenarios: readonly ScenarioName[],
): Promise<{ samples: Samples; failures: Failure[] }> {
  const samples = noSamples();
  const failures: Failure[] = [];
  let half: Promise<number> | null = null;
  const halfLoad = () => {
    half ??= measureHalfLoad(receiver, options, samples);
    return half;
  };
  for (const scenario of scenarios) {
    const beganAt = monotonicMs();
    const attempt = async (step: () => Promise<void>) => {
      try {
        await step();
      } catch (error) {
        failures.push({ scenario, error: (error as Error).message });
      }
    };
    const run = { receiver, options, samples, halfLoad, attempt };
    await attempt(() => MEASURES[scenario](run));
    say(`${scenario} took ${whole((monotonicMs() - beganAt) / 1_000)} s\n`);
  }
  return { samples, failures };
}

/** Interleaved, so that whatever else the machine does meets all of them. */
async function throughput({ receiver, options, samples }: Run): Promise<void> {
  const fanOuts = [
    { fanOut: 1, events: options.events },
    { fanOut: options.fanOut, events: options.fanOutEvents },
  ];
  for (let run = 1; run <= options.runs; run++) {
    for (const each of fanOuts) {
      const loop = await measureLoop(receiver, options);
      samples.loop.push(loop);
      const sample = await measureThroughput(receiver, options, each);
      samples.throughput.push(sample);
      say(`run ${run}: bare loop ${whole(loop.perSecond)}/s, fan-out ${each.fanOut} `);
      say(`${whole(sample.deliveriesPerSecond)} deliveries/s, `);
      say(`${sample.cpuUs.server.toFixed(1)} µs each\n`);
    }
  }
}

async function backlog({ receiver, options, samples, halfLoad, attempt }: Run): Promise<void> {
  const perSecond = await halfLoad();
  for (const deadWebhooks of options.backlog.webhooks) {
    const sample: BacklogSample = { deadWebhooks, pending: 0, latency: [], throughput: [] };
    samples.backlog.push(sample);
    await attempt(() => measureBacklog(receiver, options, { sample, perSecond }));
  }
}

/** At a low rate, and at half load. */
async function latency({ receiver, options, samples, halfLoad }: Run): Promise<void> {
  const { latencyPerSecond, latencySeconds: seconds, directory, syncLoopMs } = options;
  const rates = [latencyPerSecond, await halfLoad()];
  samples.writeAndSyncMs = writeAndSyncMs(directory, syncLoopMs);
  for (const perSecond of rates) {
    samples.latency.push(await measureLatency(receiver, options, { perSecond, seconds }));
  }
}

/** Half of the throughput of this run; when that was not measured, of one run that is for this only. */
async function measureHalfLoad(
  receiver: Receiver,
  options: Options,
  samples: Samples,
): Promise<number> {
  const known = summaries(samples).find(({ fanOut }) => fanOut === 1);
  const full =
    known?.deliveriesPerSecond.median ??
    (await measureThroughput(receiver, options, { fanOut: 1, events: options.events }))
      .deliveriesPerSecond;
  return Math.max(1, Math.floor(full / 2));
}
