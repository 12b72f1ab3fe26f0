import { type Client, PosthornApiError } from 'posthorn/client';
import { markRefused, markSent, type OutboxRow, waitingRows } from './outbox.ts';
import type { Database } from './sql.ts';

export interface RelayPorts {
  readonly database: Database;
  readonly posthorn: Client;
  /** Hears of what an operator should know. */
  readonly report: (message: string) => void;
}

export interface Pass {
  readonly sent: number;
  readonly refused: number;
  /** Why it ended before all that was read had been sent; null when it did not. */
  readonly stoppedBy: unknown;
}

/** Rows that are read at a time. */
export const ROWS_MAX = 100;
/** Rows of other processes are found so late at most; a failure is tried again after as long. */
const PAUSE_MS = 1_000;
/** Statuses that say that this very event will never be taken. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Sends what waits in the outbox, the oldest first, one at a time: a row is sent when the one before it is
 * in Posthorn, so the order holds, also when several relays do the same. A row may be sent twice, after a
 * crash between the answer and the deletion for example; its id is the idempotency key, so there is one event.
 */
export async function relayOnce(
  { database, posthorn, report }: RelayPorts,
  signal?: AbortSignal,
): Promise<Pass> {
  let sent = 0;
  let refused = 0;
  try {
    for (const row of await waitingRows(database, ROWS_MAX)) {
      const refusal = await publish(posthorn, row, signal);
      if (refusal === null) {
        await markSent(database, row);
        sent += 1;
      } else {
        await markRefused(database, row, refusal);
        report(`Posthorn refused the ${row.type} of outbox row ${row.id}: ${refusal}`);
        refused += 1;
      }
    }
    return { sent, refused, stoppedBy: null };
  } catch (error) {
    // Posthorn or the database cannot be reached: what is left stays where it is.
    return { sent, refused, stoppedBy: error };
  }
}

/** Null when Posthorn has it; why it refuses it for good otherwise. */
async function publish(
  posthorn: Client,
  { id, type, data }: OutboxRow,
  signal?: AbortSignal,
): Promise<string | null> {
  try {
    await posthorn.events.publish(
      { type, data: JSON.parse(data) },
      { idempotencyKey: id, ...(signal && { signal }) },
    );
    return null;
  } catch (error) {
    if (isRefusal(error)) return error.message;
    throw error;
  }
}

/** Without a code it is no answer of Posthorn's: what stands between may think better of it. */
function isRefusal(error: unknown): error is PosthornApiError {
  return error instanceof PosthornApiError && error.code !== null && REFUSALS.has(error.status);
}

export interface Relay {
  /** There is something new to send. */
  wake(): void;
  /** Ends what is in progress; what was not sent is sent by the next relay. */
  stop(): Promise<void>;
}

/** Runs until it is stopped: while there is something to send, when it is woken, and now and then. */
export function startRelay(ports: RelayPorts): Relay {
  const stopping = new AbortController();
  const bell = createBell(stopping.signal);
  const finished = run();

  async function run(): Promise<void> {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      bell.reset();
      const { sent, refused, stoppedBy } = await relayOnce(ports, stopping.signal);
      if (stopping.signal.aborted) return;
      if (stoppedBy !== null && !isFailing) ports.report(`Events wait: ${stoppedBy}`);
      if (stoppedBy === null && isFailing) ports.report('Events are sent again.');
      isFailing = stoppedBy !== null;
      if (sent + refused === ROWS_MAX) continue;
      // What fails is not tried sooner because there is more of it.
      await bell.wait(PAUSE_MS, { ignoresRings: isFailing });
    }
  }

  return {
    wake: () => bell.ring(),
    async stop() {
      stopping.abort();
      await finished;
    },
  };
}

/** A ring that comes while nobody waits is heard by the next wait. */
function createBell(stopping: AbortSignal) {
  let rung = Promise.withResolvers<void>();
  const stopped = new Promise<void>((resolve) => {
    stopping.addEventListener('abort', () => resolve(), { once: true });
  });
  return {
    ring: () => rung.resolve(),
    reset: () => {
      rung = Promise.withResolvers<void>();
    },
    async wait(msMax: number, { ignoresRings }: { ignoresRings: boolean }): Promise<void> {
      const { promise: passed, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, msMax);
      await Promise.race([passed, stopped, ...(ignoresRings ? [] : [rung.promise])]);
      clearTimeout(timer);
    },
  };
}
