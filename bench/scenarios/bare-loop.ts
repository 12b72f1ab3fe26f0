import type { Options } from '../options.ts';
import { type Receiver, startLoop } from '../support/processes.ts';

export interface LoopSample {
  perSecond: number;
  /** Of the sending process alone. */
  cpuUsPerRequest: number;
}

/** What this machine sends at most with both signatures and the same client, nothing stored. */
export async function measureLoop(receiver: Receiver, options: Options): Promise<LoopSample> {
  const { loopRequests: count, loopInFlight: inFlight, seed } = options;
  await receiver.process.call('configure', null);
  await using loop = startLoop();
  const plan = { url: `${await receiver.origin()}/loop`, inFlight, seed };
  await loop.call('send', { ...plan, count: options.loopWarmUp });
  const before = await loop.usage();
  const { elapsedMs } = await loop.call('send', { ...plan, count });
  const after = await loop.usage();
  return {
    perSecond: (count / elapsedMs) * 1_000,
    cpuUsPerRequest: (after.cpuUs - before.cpuUs) / count,
  };
}
