import cluster from 'node:cluster';
import { type DrainReport, leftByAll } from '../../engine/drain-report.ts';
import type { MetricReport } from '../../observe/instruments.ts';
import { addUp, countsOf } from '../../observe/metrics-text.ts';
import { systemClock } from '../../platform/clock.ts';
import type { RunningServer } from '../start.ts';
import { type Child, startChild } from './child.ts';
import { restartAfter } from './restarts.ts';

export interface ProcessesOptions {
  count: number;
  /** The last of them could not be started again. */
  failed: (error: unknown) => void;
}

/**
 * Several processes with a whole server each, on one port and one database; this one serves nothing. It
 * accepts connections and gives them to the children in turn, so that also a few that are kept are spread
 * evenly, and a port in use is found out.
 *
 * - `starting`: until all serve; one that cannot ends all;
 * - `serving`: one that falls is started again, while others have its work;
 * - `stopping`: drains them all, and starts none.
 */
export async function startProcesses(
  options: ProcessesOptions,
): Promise<Pick<RunningServer, 'url' | 'dataPlace' | 'stop'>> {
  const children = new Set<Child>();
  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  /** What those have counted that are gone. */
  let left: Promise<MetricReport[]> = Promise.resolve([]);

  cluster.schedulingPolicy = cluster.SCHED_RR;
  process.on('exit', () => {
    // Ended by a second signal. Otherwise they drain by themselves.
    if (state === 'stopping') for (const child of children) child.kill();
  });
  try {
    const starting = Array.from({ length: options.count }, () => start(0).serving);
    const [{ url, dataPlace }] = (await Promise.all(starting)) as [Awaited<Child['serving']>];
    state = 'serving';
    return { url, dataPlace: `${dataPlace}, ${options.count} processes`, stop };
  } catch (error) {
    await stop(0).catch(() => {});
    throw error;
  }

  function start(fallsBefore: number): Child {
    const child = startChild(measureAll);
    children.add(child);
    void child.ended.then((how) => fell(child, { how, fallsBefore }));
    return child;
  }

  function fell(child: Child, { how, fallsBefore }: { how: string; fallsBefore: number }): void {
    children.delete(child);
    left = withCountsOf(child, left);
    const servedMs = child.servedMs();
    // Whoever started the first ones hears of it.
    const isFirst = state === 'starting' && fallsBefore === 0;
    if (state === 'stopping' || (isFirst && servedMs === null)) return;
    if (servedMs === null && !someServe()) {
      void child.serving.catch(options.failed);
      return;
    }
    const next = restartAfter({ servedMs: servedMs ?? 0, fallsBefore });
    void sayFall(child, { how, waitMs: next.waitMs });
    systemClock.after(next.waitMs, () => {
      if (state !== 'stopping') start(next.fallsBefore);
    });
  }

  function someServe(): boolean {
    return children.values().some((child) => child.servedMs() !== null);
  }

  async function measureAll(): Promise<MetricReport[]> {
    // Taken at the same moment as the children, or one that ends now would count twice.
    const before = left;
    const gathered = await Promise.all([...children].map((child) => child.measure()));
    const reports = gathered.flatMap((one) => one.reports);
    const silent = gathered.reduce((sum, one) => sum + one.silent, 0);
    return await addUp([...reports, await before], { silent });
  }

  async function stop(drainLimitMs: number): Promise<DrainReport> {
    state = 'stopping';
    const stopping = [...children].map((child) => child.stop(drainLimitMs));
    // What goes wrong with one of them does not cut the others short.
    await Promise.allSettled(stopping);
    return leftByAll(await Promise.all(stopping));
  }
}

async function withCountsOf(child: Child, left: Promise<MetricReport[]>): Promise<MetricReport[]> {
  return countsOf(await addUp([await left, child.lastMeasured()], { silent: 0 }));
}

async function sayFall(child: Child, fall: { how: string; waitMs: number }): Promise<void> {
  const why = await child.serving.then(
    () => `A process fell (${fall.how}).`,
    (error: Error) => error.message,
  );
  const when = fall.waitMs === 0 ? 'at once' : `in ${fall.waitMs / 1_000} s`;
  console.error(`${why} Another is started ${when}.`);
}
