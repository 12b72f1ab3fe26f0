import type { DatabaseSync } from 'node:sqlite';
import { PosthornError } from '../../core/errors.ts';
import type { NewId } from '../../core/ids.ts';
import type { DueDelivery, HandOver } from '../../core/ports.ts';
import type { OperationName } from './operation-types.ts';
import { createOperations, WRITES } from './operations.ts';

/** Calls that share one transaction at most; more wait for the next. */
const BATCH_CALLS_MAX = 1_000;

export interface StoreCall {
  operation: OperationName;
  args: readonly unknown[];
}

export type CallResult = { ok: true; value: unknown } | { ok: false; error: Error };

export interface Executor {
  /** Runs the calls and answers each, in their order; whatever is answered `ok` is on the disk. */
  run(calls: readonly StoreCall[]): CallResult[];
}

/**
 * Group commit: the writes of many callers in one transaction, one sync of the disk for all of them.
 *
 * A transaction here is a list of calls, never a callback: nothing else can slip into it. When it
 * fails because of one of its calls it is split until that call is alone; when the store itself
 * cannot be written, every call of it fails.
 */
export function createExecutor(
  db: DatabaseSync,
  { newId, handOver }: { newId: NewId; handOver: HandOver },
): Executor {
  let pending: DueDelivery[] = [];
  const operations = createOperations(db, newId, (delivery) => pending.push(delivery));
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');

  return {
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
    try {
      begin.run();
      const values = writes.map((call) => invoke(call));
      commit.run();
      writes.forEach((call, index) => {
        results.set(call, { ok: true, value: values[index] });
      });
    } catch (error) {
      // SQLite rolls back by itself when the disk is full.
      if (db.isTransaction) db.exec('rollback');
      const [first, ...others] = writes;
      if (isUnavailable(error)) {
        for (const call of writes) results.set(call, failed(unavailable(error)));
      } else if (first !== undefined && others.length === 0) {
        results.set(first, failed(error as Error));
      } else {
        const half = Math.ceil(writes.length / 2);
        commitTogether(writes.slice(0, half), results);
        commitTogether(writes.slice(half), results);
      }
      return;
    }
    if (pending.length > 0) handOver(pending);
  }

  function read(call: StoreCall): CallResult {
    try {
      return { ok: true, value: invoke(call) };
    } catch (error) {
      return failed(isUnavailable(error) ? unavailable(error) : (error as Error));
    }
  }

  function invoke({ operation, args }: StoreCall): unknown {
    // The caller's side is typed by the port; between the threads it is a name and its arguments.
    return (operations[operation] as (...args: readonly unknown[]) => unknown)(...args);
  }
}

/** SQLITE_BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN: the store's trouble, not the call's. */
const UNAVAILABLE_CODES = new Set([5, 6, 8, 10, 13, 14]);

function isUnavailable(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' && UNAVAILABLE_CODES.has(code & 0xff);
}

function unavailable(cause: unknown): PosthornError {
  const reason = (cause as { errstr?: string }).errstr ?? 'unknown';
  return new PosthornError('store_unavailable', `The store cannot be used now: ${reason}.`, {
    retryAfterSeconds: 1,
    cause,
  });
}

function failed(error: Error): CallResult {
  return { ok: false, error };
}
