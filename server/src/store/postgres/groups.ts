import { DatabaseFault, told } from './faults.ts';

/** What came of one piece of work; `again`: it has to be tried in a later batch. */
export type Outcome<Result> = { result: Result } | 'again';

export interface GroupSettings<Work> {
  /** Batches that are committed at once, each on a connection of its own. */
  atOnce: number;
  /** A batch is full at this size, and has one piece at least. */
  sizeMax: number;
  sizeOf: (work: Work) => number;
  /** Below this size a batch waits for the one before it, unless none is being committed. */
  sizeMin: number;
}

/**
 * Group commit: what comes while a batch is being committed is the next one. A batch that fails
 * because of one piece of its work is split until that is alone; when the database cannot be used,
 * all of it fails.
 */
export function createGroups<Work, Result>(
  { atOnce, sizeMax, sizeOf, sizeMin }: GroupSettings<Work>,
  commit: (batch: readonly Work[]) => Promise<Outcome<Result>[]>,
): (work: Work) => Promise<Result> {
  interface Waiting extends PromiseWithResolvers<Result> {
    work: Work;
  }
  let waiting: Waiting[] = [];
  let waitingSize = 0;
  let running = 0;
  let isScheduled = false;

  return (work) => {
    const one = { work, ...Promise.withResolvers<Result>() };
    waiting.push(one);
    waitingSize += sizeOf(work);
    schedule();
    return one.promise;
  };

  /** What comes in one turn of the event loop goes together. */
  function schedule(): void {
    if (isScheduled || waiting.length === 0 || running === atOnce) return;
    if (running > 0 && waitingSize < sizeMin) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      void start();
    });
  }

  async function start(): Promise<void> {
    running += 1;
    const batch = takeBatch();
    schedule();
    await runTogether(batch);
    running -= 1;
    schedule();
  }

  function takeBatch(): Waiting[] {
    let count = 0;
    let size = 0;
    for (const { work } of waiting) {
      const next = sizeOf(work);
      if (count > 0 && size + next > sizeMax) break;
      count += 1;
      size += next;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    waitingSize -= size;
    return batch;
  }

  async function runTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await commit(batch.map(({ work }) => work));
      const again: Waiting[] = [];
      for (const [index, one] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) throw new Error('every piece of work has an outcome');
        if (outcome === 'again') again.push(one);
        else one.resolve(outcome.result);
      }
      waiting = [...again, ...waiting];
      for (const { work } of again) waitingSize += sizeOf(work);
    } catch (error) {
      const isOne = error instanceof DatabaseFault && error.trouble === 'call';
      if (isOne && batch.length > 1) {
        const half = Math.ceil(batch.length / 2);
        await runTogether(batch.slice(0, half));
        await runTogether(batch.slice(half));
        return;
      }
      const reason = error instanceof DatabaseFault ? told(error) : error;
      for (const { reject } of batch) reject(reason);
    }
  }
}
