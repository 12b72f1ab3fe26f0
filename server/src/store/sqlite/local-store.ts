import type { DatabaseSync } from 'node:sqlite';
import type { NewId } from '../../core/ids.ts';
import type { HandOver, Store } from '../../core/ports.ts';
import { type StoreCall, storeOver } from '../calls.ts';
import { openDatabase, waitShortly } from './database.ts';
import { createExecutor, type Executor } from './executor.ts';
import { brokenOr } from './faults.ts';
import { type DataFileLock, lockDataFile } from './lock.ts';
import { migrate } from './migrate.ts';

export interface OpenStore {
  executor: Executor;
  close(): void;
}

export interface StorePorts {
  newId: NewId;
  /** Told after each commit what it made pending. */
  handOver: HandOver;
}

/** Opens, locks and migrates. `path` is a file or `:memory:`. */
export function openStore(path: string, ports: StorePorts): OpenStore {
  const isFile = path !== ':memory:';
  const lock: DataFileLock | null = isFile ? lockDataFile(path) : null;
  try {
    const db = openMigrated(path);
    return {
      executor: createExecutor(db, ports),
      close() {
        db.close();
        lock?.release();
      },
    };
  } catch (error) {
    lock?.release();
    throw brokenOr(error);
  }
}

function openMigrated(path: string): DatabaseSync {
  const db = openDatabase(path);
  try {
    migrate(db);
    waitShortly(db);
    return db;
  } catch (error) {
    db.close();
    // A migration says which one failed; what SQLite said is the cause.
    throw error;
  }
}

/** The store in the caller's own thread: for embedding, tests and the simulation. */
export function createLocalStore(path: string, ports: StorePorts): Store {
  const { executor, close } = openStore(path, ports);
  let waiting: { call: StoreCall; settle: PromiseWithResolvers<unknown> }[] = [];

  return storeOver(
    (call) => {
      const settle = Promise.withResolvers<unknown>();
      if (waiting.push({ call, settle }) === 1) queueMicrotask(runWaiting);
      return settle.promise;
    },
    async () => close(),
  );

  function runWaiting(): void {
    const batch = waiting;
    waiting = [];
    const results = executor.run(batch.map(({ call }) => call));
    for (const [index, { settle }] of batch.entries()) {
      const result = results[index];
      if (result?.ok) settle.resolve(result.value);
      else settle.reject(result?.error);
    }
  }
}
