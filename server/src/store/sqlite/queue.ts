import type { StoreCall } from '../calls.ts';
import { type CallResult, type Executor, isLocked } from './executor.ts';

/**
 * While another program holds the file, a call is tried again for so long, and then answered 503. A
 * backup or a look with `sqlite3` is over sooner; and a publisher learns that nothing was kept before
 * it gives up by itself, which would leave it in doubt.
 */
const LOCK_WAIT_MS_MAX = 5_000;
/** Between two tries the thread is free: reads need no lock, and are answered. */
const LOCK_RETRY_MS = 50;

/**
 * When several callers come at once, the next transaction waits so long for more of them: fewer syncs and
 * fewer messages for the same work. A caller who comes alone does not wait.
 */
const GATHER_MS = 1;
const GATHER_CALLS_MIN = 6;

interface Waiting {
  call: StoreCall;
  answer: (result: CallResult) => void;
  /** When it first met another program's lock. */
  lockedSince: number | null;
}

export interface Queue {
  /** What comes in one turn of the event loop runs together, and what comes in the next millisecond too when there is much. */
  add(call: StoreCall, answer: (result: CallResult) => void): void;
  /** Runs what waits now; what still meets a lock is answered so. */
  finish(): void;
}

/** `failed` is told of what ended the executor; nothing is answered from then on. */
export function createQueue(executor: Executor, failed: (error: unknown) => void): Queue {
  let fresh: Waiting[] = [];
  let locked: Waiting[] = [];
  let hasFailed = false;
  let lastCalls = 0;

  return {
    add(call, answer) {
      if (fresh.push({ call, answer, lockedSince: null }) > 1) return;
      if (lastCalls >= GATHER_CALLS_MIN) setTimeout(runFresh, GATHER_MS);
      else setImmediate(runFresh);
    },
    finish() {
      const rest = [...locked, ...fresh];
      locked = [];
      fresh = [];
      run(rest, 0);
    },
  };

  function runFresh(): void {
    const batch = fresh;
    fresh = [];
    lastCalls = batch.length;
    if (locked.length === 0) {
      run(batch, LOCK_WAIT_MS_MAX);
      return;
    }
    // Behind a lock writes wait together: trying again for each turn would block the thread.
    const now = performance.now();
    const { true: writes = [], false: reads = [] } = Object.groupBy(batch, ({ call }) =>
      executor.writes(call) ? 'true' : 'false',
    );
    for (const one of writes) locked.push({ ...one, lockedSince: now });
    run(reads, LOCK_WAIT_MS_MAX);
  }

  function runLocked(): void {
    const batch = locked;
    locked = [];
    run(batch, LOCK_WAIT_MS_MAX);
  }

  function run(batch: readonly Waiting[], waitMs: number): void {
    if (hasFailed || batch.length === 0) return;
    const results = runAll(batch);
    if (results === null) return;
    const wasLocked = locked.length > 0;
    for (const [index, one] of batch.entries()) {
      const result = results[index];
      if (result === undefined) throw new Error('every call has a result');
      if (isLocked(result) && waitsOn(one, waitMs)) locked.push(one);
      else one.answer(result);
    }
    if (!wasLocked && locked.length > 0) setTimeout(runLocked, LOCK_RETRY_MS);
  }

  function runAll(batch: readonly Waiting[]): CallResult[] | null {
    try {
      return executor.run(batch.map(({ call }) => call));
    } catch (error) {
      hasFailed = true;
      failed(error);
      return null;
    }
  }
}

function waitsOn(one: Waiting, waitMs: number): boolean {
  const now = performance.now();
  one.lockedSince ??= now;
  return now - one.lockedSince < waitMs;
}
