import type { Clock } from '../core/ports.ts';
import type { MetricReport } from '../observe/instruments.ts';

export interface Gathered {
  /** One of each thread (or process): what it says now, or what it said last. */
  reports: MetricReport[][];
  /** Those that did not answer in time. */
  silent: number;
}

const ANSWER_MS_MAX = 1_000;

/**
 * Asks each thread what it has measured. One that does not answer in time is not waited for: its last
 * report stands in for it, because a sum that falls would look like a restart.
 */
export function createGatherer(
  threads: readonly (() => Promise<MetricReport[]>)[],
  clock: Clock,
  answerMsMax = ANSWER_MS_MAX,
): () => Promise<Gathered> {
  const sources = threads.map(createSource);

  return async () => {
    const late = Promise.withResolvers<false>();
    const timer = clock.after(answerMsMax, () => late.resolve(false));
    const answered = await Promise.all(
      sources.map((source) => Promise.race([source.ask(), late.promise])),
    );
    timer.cancel();
    return {
      reports: sources.map((source) => source.last()),
      silent: answered.filter((isAnswered) => !isAnswered).length,
    };
  };
}

/** Has one question open at most, however often it is asked: a thread that hangs collects no more. */
function createSource(report: () => Promise<MetricReport[]>) {
  let last: MetricReport[] = [];
  let open: Promise<boolean> | null = null;

  return {
    last: () => last,
    ask(): Promise<boolean> {
      open ??= answer();
      return open;
    },
  };

  async function answer(): Promise<boolean> {
    try {
      last = await report();
      return true;
    } catch {
      return false;
    } finally {
      open = null;
    }
  }
}
