import type { Options } from '../options.ts';
import { prepareIdle } from '../support/prepared-data.ts';
import type { Receiver } from '../support/processes.ts';
import { type LatencySample, measureLatency } from './latency.ts';
import { alternate, type Pair, pairSeconds } from './pairs.ts';

/** A healthy webhook alone, and in an installation with very many that nothing is published for. */
export async function measureIdle(
  receiver: Receiver,
  options: Options,
  perSecond: number,
): Promise<Pair<LatencySample>[]> {
  const { runs, webhooks, accounts } = options.idle;
  using prepared = await prepareIdle(options, options.idle);
  const settings = { POSTHORN_WEBHOOKS_MAX: String(Math.ceil(webhooks / accounts) + 2) };
  return await alternate('idle', runs, (side) =>
    measureLatency(receiver, options, {
      perSecond,
      seconds: pairSeconds(options, perSecond),
      server: { settings, copyOf: side === 'with' ? prepared : undefined },
    }),
  );
}
