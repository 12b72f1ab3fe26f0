import cluster from 'node:cluster';
import { type DrainReport, NOTHING_LEFT } from '../../engine/drain-report.ts';
import type { MetricReport } from '../../observe/instruments.ts';
import { addUp } from '../../observe/metrics-text.ts';
import { systemClock } from '../../platform/clock.ts';
import { answerCalls, answerWith, createCaller } from '../../threads/channel.ts';
import { createGatherer, type Gathered } from '../../threads/gather.ts';
import { failureOf } from '../failure.ts';
import type { RunningServer } from '../start.ts';
import { type ChildCall, type ChildNews, type ParentCall, portOf } from './link.ts';

/** Longer than the parent waits for each of its children. */
const PARENT_ANSWER_MS_MAX = 2_000;

/** Whether a parent has started this process as one of several. */
export const isChild = cluster.isWorker;

export interface ChildOptions {
  /** `gather` asks what all children have measured. */
  start: (also: { gather: () => Promise<Gathered> }) => Promise<RunningServer>;
  drainLimitMs: number;
}

/**
 * A whole server in one of several processes. It starts and drains for its parent, and ends when the
 * channel to it does: after a drain, at once where nothing serves yet, and when the parent has died
 * after a drain that nobody asked for.
 */
export async function serveInChild({ start, drainLimitMs }: ChildOptions): Promise<void> {
  let server: RunningServer | null = null;
  let stopped: Promise<DrainReport> | null = null;
  const stop = (limitMs: number) => {
    stopped ??= server?.stop(limitMs) ?? Promise.resolve(NOTHING_LEFT);
    return stopped;
  };
  leaveSignalsToParent();
  endWithParent(() => stop(drainLimitMs));
  const port = portOf(process);
  const parent = createCaller<ParentCall>(port);
  const { tell } = answerCalls<ChildCall>(port, (call, answer) => {
    void answerWith(async () => await act(call), answer);
  });
  const askParent = async () => (await parent.call('measure')) as MetricReport[];
  const say = (news: ChildNews) => tell(news);
  try {
    const gather = createGatherer([askParent], systemClock, PARENT_ANSWER_MS_MAX);
    server = await start({ gather });
    say({ kind: 'serving', url: server.url, dataPlace: server.dataPlace });
  } catch (error) {
    say({ kind: 'failed', failure: failureOf(error) });
  }

  async function act(call: ChildCall): Promise<DrainReport | MetricReport[]> {
    if (call.kind === 'drain') return await stop(call.limitMs);
    if (server === null) return [];
    const { reports, silent } = await server.measured();
    return await addUp(reports, { silent });
  }
}

/** A terminal and some service managers send theirs to all processes at once. */
function leaveSignalsToParent(): void {
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
}

function endWithParent(stop: () => Promise<DrainReport>): void {
  const { worker } = cluster;
  worker?.once('disconnect', () => {
    // Else Node ends the process at once, with whatever is in progress.
    worker.exitedAfterDisconnect = true;
    void stop().finally(() => process.exit(0));
  });
}
