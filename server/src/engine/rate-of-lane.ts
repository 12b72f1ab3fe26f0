import type { RateLimit } from '../core/model.ts';
import type { Clock, Store } from '../core/ports.ts';
import type { Flight } from './flight.ts';
import type { Lane } from './lane.ts';
import { RATE_MARGIN_MS, RateWindow } from './rate-window.ts';

/**
 * The window of a lane that has this limit from now on: what was sent before counts as well. That is
 * what the store has, what is not settled yet, and what an earlier process may have sent before it fell.
 * What is settled while the store is asked may count twice, and nothing counts less than once.
 *
 * Nothing of the lane may start meanwhile.
 */
export async function rateOfLane(
  lane: Lane,
  limit: RateLimit,
  { store, clock }: { store: Store; clock: Clock },
): Promise<RateWindow> {
  const aheadMs = clock.now() - clock.monotonic();
  const unsettled = [...lane.unsettled].flatMap((flight) => momentsOf(flight, aheadMs));
  const since = clock.now() - limit.perMs - RATE_MARGIN_MS;
  const stored = await store.sendTimes({ ...lane.webhook, since, limit: limit.max });
  // Whatever is pending now: what the owner before had in progress may have been cancelled meanwhile.
  const { fellBefore } = lane.tenure;
  const unknown = fellBefore === null ? [] : Array<number>(lane.unrecorded).fill(fellBefore);
  // A wall clock that was set back has moments in the future.
  const latest = clock.monotonic();
  const moments = [...unknown, ...stored.map((moment) => moment - aheadMs), ...unsettled]
    .map((moment) => Math.min(moment, latest))
    .sort((a, b) => a - b);
  const rate = new RateWindow(limit);
  for (const moment of moments) rate.sent(moment);
  return rate;
}

/** Monotonic; a second try is an exchange of its own. */
function momentsOf({ began, firstTry, startedAt }: Flight, aheadMs: number): number[] {
  return firstTry === null ? [began] : [began, startedAt - aheadMs];
}
