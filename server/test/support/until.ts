import { setTimeout as pause } from 'node:timers/promises';

const LIMIT_MS = 20_000;
const POLL_MS = 5;

/** Asks again until the answer is not undefined or false, and answers it; fails at a limit. */
export async function until<Value>(
  what: string,
  probe: () => Promise<Value | undefined | false>,
): Promise<Value> {
  const endsAt = performance.now() + LIMIT_MS;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endsAt) throw new Error(`waited in vain until ${what}`);
    await pause(POLL_MS);
  }
}

/** The promise, or an error that says what did not happen within the limit. */
export async function within<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const limit = new AbortController();
  const late = pause(LIMIT_MS, undefined, { signal: limit.signal, ref: true }).then(() => {
    throw new Error(`waited in vain until ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    limit.abort();
  }
}
