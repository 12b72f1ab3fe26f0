import { channel } from 'node:diagnostics_channel';
import type { DatabaseSync } from 'node:sqlite';
import {
  ANNOUNCEMENT_NAMES,
  type Announcements,
  type TransactionOutcome,
} from '../../core/announcements.ts';
import type { NewId } from '../../core/ids.ts';
import type { DueDelivery, HandOver } from '../../core/ports.ts';
import { type StoreCall, WRITES } from '../calls.ts';
import { brokenOr, StoreBrokenError, type Trouble, troubleOf, unavailable } from './faults.ts';
import { createOperations } from './operations.ts';

/** Calls that share one transaction at most; more wait for the next. */
const BATCH_CALLS_MAX = 1_000;

export type CallResult =
  | { ok: true; value: unknown }
  | { ok: false; error: Error; trouble: Trouble };

export interface Executor {
  /**
   * Runs the calls and answers each, in their order; whatever is answered `ok` is on the disk.
   *
   * Throws a `StoreBrokenError` when the disk failed or the data is damaged: then nobody is answered,
   * and the process has to end.
   */
  run(calls: readonly StoreCall[]): CallResult[];
  writes(call: StoreCall): boolean;
}

/** Another program held the file: nothing happened, and the call may be made again. */
export function isLocked(result: CallResult): boolean {
  return !result.ok && result.trouble === 'locked';
}

/**
 * Group commit: the writes of many callers in one transaction, one sync of the disk for all of them.
 *
 * A transaction here is a list of calls, never a callback: nothing else can slip into it. When it
 * fails because of one of its calls it is split until that call is alone; when the store itself
 * cannot be written, every call of it fails; when a write or a sync failed, nobody knows what the
 * disk holds, and there is no answer at all.
 */
export function createExecutor(
  db: DatabaseSync,
  { newId, handOver }: { newId: NewId; handOver: HandOver },
): Executor {
  let pending: DueDelivery[] = [];
  let events = 0;
  const operations = createOperations(db, {
    newId,
    madePending: (delivery) => pending.push(delivery),
    madeEvent: () => {
      events += 1;
    },
  });
  const announcement: Announcements['transaction'] = channel(ANNOUNCEMENT_NAMES.transaction);
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');

  return {
    writes: ({ operation }) => WRITES[operation],
    run(calls) {
      const results = new Map<StoreCall, CallResult>();
      const writes = calls.filter((call) => WRITES[call.operation]);
      for (let from = 0; from < writes.length; from += BATCH_CALLS_MAX) {
        commitTogether(writes.slice(from, from + BATCH_CALLS_MAX), results);
      }
      for (const call of calls) {
        if (!WRITES[call.operation]) results.set(call, read(call));
      }
      return calls.map((call) => results.get(call) ?? failed(new Error('call without a result')));
    },
  };

  function commitTogether(writes: readonly StoreCall[], results: Map<StoreCall, CallResult>): void {
    pending = [];
    events = 0;
    const times: Times = { startedAt: performance.now(), syncStartedAt: null };
    try {
      begin.run();
      const values = writes.map((call) => invoke(call));
      times.syncStartedAt = performance.now();
      commit.run();
      writes.forEach((call, index) => {
        results.set(call, { ok: true, value: values[index] });
      });
    } catch (error) {
      const trouble = undo(error);
      announce(OUTCOME_OF[trouble], writes.length, times);
      const [first, ...others] = writes;
      if (trouble !== 'call') {
        for (const call of writes) results.set(call, failed(unavailable(error), trouble));
      } else if (first !== undefined && others.length === 0) {
        results.set(first, failed(error as Error, trouble));
      } else {
        const half = Math.ceil(writes.length / 2);
        commitTogether(writes.slice(0, half), results);
        commitTogether(writes.slice(half), results);
      }
      return;
    }
    announce('committed', writes.length, times);
    if (pending.length > 0) handOver(pending);
  }

  function announce(outcome: TransactionOutcome, calls: number, times: Times): void {
    if (!announcement.hasSubscribers) return;
    const endedAt = performance.now();
    const { startedAt, syncStartedAt } = times;
    const made = outcome === 'committed' ? { events, deliveries: pending.length } : NOTHING_MADE;
    const durationMs = endedAt - startedAt;
    const syncMs = syncStartedAt === null ? null : endedAt - syncStartedAt;
    announcement.publish({ outcome, calls, ...made, durationMs, syncMs });
  }

  /** Leaves the transaction. After a failed write nothing more is done with the file, a rollback neither. */
  function undo(error: unknown): Trouble {
    const ending = brokenOr(error);
    if (ending instanceof StoreBrokenError) throw ending;
    try {
      // SQLite rolls back by itself when the disk is full.
      if (db.isTransaction) db.exec('rollback');
    } catch (rollbackError) {
      throw brokenOr(rollbackError);
    }
    return troubleOf(error);
  }

  function read(call: StoreCall): CallResult {
    try {
      return { ok: true, value: invoke(call) };
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === 'data_corrupt') throw brokenOr(error);
      // A disk that cannot be read leaves nothing in doubt: the caller is told, and may ask again.
      return failed(trouble === 'call' ? (error as Error) : unavailable(error), trouble);
    }
  }

  function invoke({ operation, args }: StoreCall): unknown {
    // The caller's side is typed by the port; between the threads it is a name and its arguments.
    return (operations[operation] as (...args: readonly unknown[]) => unknown)(...args);
  }
}

interface Times {
  startedAt: number;
  /** When `commit` began. */
  syncStartedAt: number | null;
}

const NOTHING_MADE = { events: 0, deliveries: 0 };

const OUTCOME_OF: Record<Trouble, TransactionOutcome> = {
  call: 'rolled_back',
  locked: 'locked',
  unavailable: 'unavailable',
  // Nobody hears these two: they end the process.
  disk_failed: 'unavailable',
  data_corrupt: 'unavailable',
};

function failed(error: Error, trouble: Trouble = 'call'): CallResult {
  return { ok: false, error, trouble };
}
