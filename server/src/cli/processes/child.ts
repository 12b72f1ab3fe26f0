import cluster from 'node:cluster';
import type { DrainReport } from '../../engine/drain-report.ts';
import type { MetricReport } from '../../observe/instruments.ts';
import { systemClock } from '../../platform/clock.ts';
import { answerCalls, answerWith, createCaller } from '../../threads/channel.ts';
import { createGatherer, type Gathered } from '../../threads/gather.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { ProcessFailedError } from '../failure.ts';
import { type ChildCall, type ChildNews, type ParentCall, portOf, type Serving } from './link.ts';

/** Longer than a child waits for each of its threads. */
const CHILD_ANSWER_MS_MAX = 1_500;
/** What a drain may take beyond its limit: the end of connections and threads. */
const END_MS_MAX = 5_000;

/** A process that serves, as its parent sees it. */
export interface Child {
  /** Fulfilled when it serves; refused when it has ended without, with what it told. */
  serving: Promise<Serving>;
  /** Fulfilled when it has ended, with how: `with code 70`, `by SIGKILL`, or why there is none. */
  ended: Promise<string>;
  /** How long it has served; null: it never did. */
  servedMs(): number | null;
  measure(): Promise<Gathered>;
  /** What it measured when it was last asked. */
  lastMeasured(): MetricReport[];
  /** Drains and ends it; refused when it ended without having said what is left. */
  stop(drainLimitMs: number): Promise<DrainReport>;
  kill(): void;
}

/** Starts a process like this one. `measureAll` answers what all of them have measured. */
export function startChild(measureAll: () => Promise<MetricReport[]>): Child {
  const worker = cluster.fork();
  const port = portOf(worker.process);
  const serving = Promise.withResolvers<Serving>();
  const ended = Promise.withResolvers<string>();
  let servesSince: number | null = null;
  let last: MetricReport[] = [];
  // Nobody asks again whether one serves that was started in another's place.
  serving.promise.catch(() => {});

  const { call } = createCaller<ChildCall>(port, (told) => heard(told as ChildNews));
  answerCalls<ParentCall>(port, (_call, answer) => void answerWith(measureAll, answer));
  worker.once('exit', (code, signal) => {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    hasEnded({ how, exitCode: code || EXIT_CODES.crashed });
  });
  worker.on('error', ({ message }) => {
    // Also when it ends while it is told something: that it has ended comes by itself.
    if (worker.process.pid === undefined) hasEnded({ how: message, exitCode: EXIT_CODES.crashed });
  });
  const gather = createGatherer(
    [async () => (await call({ kind: 'measure' })) as MetricReport[]],
    systemClock,
    CHILD_ANSWER_MS_MAX,
  );
  const kill = () => void worker.process.kill('SIGKILL');
  const letGo = () => {
    if (worker.isConnected()) worker.process.disconnect();
  };

  return {
    serving: serving.promise,
    ended: ended.promise,
    servedMs: () => (servesSince === null ? null : systemClock.monotonic() - servesSince),
    lastMeasured: () => last,
    kill,
    async measure() {
      const gathered = await gather();
      last = gathered.reports.flat();
      return gathered;
    },
    async stop(drainLimitMs) {
      const limit = systemClock.after(drainLimitMs + END_MS_MAX, kill);
      const drained = call({ kind: 'drain', limitMs: drainLimitMs }) as Promise<DrainReport>;
      try {
        return await Promise.race([drained, ended.promise.then(fellMeanwhile)]);
      } finally {
        letGo();
        await ended.promise;
        limit.cancel();
      }
    },
  };

  function hasEnded({ how, exitCode }: { how: string; exitCode: number }): void {
    const text = `A process ended before it served (${how}).`;
    serving.reject(new ProcessFailedError({ text, exitCode }));
    ended.resolve(how);
  }

  function heard(news: ChildNews): void {
    if (news.kind === 'serving') {
      servesSince = systemClock.monotonic();
      serving.resolve(news);
    } else {
      serving.reject(new ProcessFailedError(news.failure));
      letGo();
    }
  }
}

function fellMeanwhile(how: string): never {
  throw new Error(`A process fell while it stopped (${how}); what was accepted is kept.`);
}
