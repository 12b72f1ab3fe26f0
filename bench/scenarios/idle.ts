import type { Options } from '../options.ts';
import { prepareIdle } from '../support/prepared-data.ts';
import type { Receiver } from '../support/processes.ts';
import { type LatencySample, measureLatency } from './latency.ts';
import { pairSeconds } from './pairs.ts';

/** A healthy webhook in an installation with very many that nothing is published for. */
export async function measureIdle(
  receiver: Receiver,
  options: Options,
  perSecond: number,
): Promise<LatencySample[]> {
  const { runs, webhooks, accounts } = options.idle;
  using prepared = await prepareIdle(options, options.idle);
  const server = {
    copyOf: prepared,
    settings: { POSTHORN_WEBHOOKS_MAX: String(Math.ceil(webhooks / accounts) + 2) },
  };
  const seconds = pairSeconds(options, perSecond);
  const samples: LatencySample[] = [];
  for (let run = 0; run < runs; run++) {
    samples.push(await measureLatency(receiver, options, { perSecond, seconds, server }));
  }
  return samples;
}
