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
 * Nothing of the lane may start until the answer is called, which is when the window becomes the lane's:
 * what was begun may arrive in between.
 */
export async function rateOfLane(
  lane: Lane,
  limit: RateLimit,
  { store, clock }: { store: Store; clock: Clock },
): Promise<() => RateWindow> {
  const aheadMs = clock.now() - clock.monotonic();
  const unsettled = [...lane.unsettled];
  const since = clock.now() - limit.perMs - RATE_MARGIN_MS;
  const stored = await store.sendTimes({ ...lane.webhook, since, limit: limit.max });
  // Whatever is pending now: what the owner before had in progress may have been cancelled meanwhile.
  const { fellBefore } = lane.tenure;
  const unrecorded = Math.min(lane.unrecorded ?? 0, limit.max);
  const unknown = fellBefore === null ? [] : Array<number>(unrecorded).fill(fellBefore);
  const known = [...unknown, ...stored.map((moment) => moment - aheadMs)];
  return () => {
    // A wall clock that was set back has moments in the future.
    const latest = clock.monotonic();
    const begun = unsettled.flatMap((flight) => momentsOf(lane, flight, latest));
    const moments = [...known, ...begun]
      .map((moment) => Math.min(moment, latest))
      .sort((a, b) => a - b);
    const rate = new RateWindow(limit);
    for (const moment of moments) rate.sent(moment);
    return rate;
  };
}

/**
 * Monotonic; a second try is an exchange of its own. What was begun without a limit may have
 * arrived at any time since; what may not have arrived yet has no moment.
 */
function momentsOf(lane: Lane, flight: Flight, latest: number): number[] {
  const { firstTry, arrivedAt } = flight;
  const moments = lane.unarrived.has(flight) ? [] : [arrivedAt ?? latest];
  return firstTry === null ? moments : [firstTry.arrivedAt ?? latest, ...moments];
}
