import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { DeliveriesSeen } from './deliveries-seen.ts';
import { startAnswering } from './receiver.ts';

const SLOW_MS = 50;
const FAILS_EVERY = 3;

export interface SeenWebhook {
  url: string;
  seen: DeliveriesSeen;
}

/** A fast one, a slow one, and one that refuses every third request. */
export async function startWebhooks(t: TestContext): Promise<SeenWebhook[]> {
  let requests = 0;
  return await Promise.all([
    startWebhook(t, { status: () => 200, delayMs: 0 }),
    startWebhook(t, { status: () => 200, delayMs: SLOW_MS }),
    startWebhook(t, { status: () => (++requests % FAILS_EVERY === 0 ? 500 : 204), delayMs: 0 }),
  ]);
}

async function startWebhook(
  t: TestContext,
  { status, delayMs }: { status: () => number; delayMs: number },
): Promise<SeenWebhook> {
  const seen = new DeliveriesSeen();
  const url = await startAnswering(t, async (arrival) => {
    const answered = status();
    seen.record(arrival, answered);
    if (delayMs > 0) await after(delayMs);
    return answered;
  });
  return { url, seen };
}
