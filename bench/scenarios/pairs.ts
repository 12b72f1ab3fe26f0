import type { Options } from '../options.ts';
import { say } from '../support/progress.ts';

export interface Pair<Sample> {
  without: Sample;
  with: Sample;
}

/** Every second pair the other way round, so that neither is always the later one. */
export async function alternate<Sample>(
  name: string,
  pairs: number,
  measure: (side: keyof Pair<Sample>) => Promise<Sample>,
): Promise<Pair<Sample>[]> {
  const samples: Pair<Sample>[] = [];
  for (let index = 0; index < pairs; index++) {
    if (index % 2 === 0) {
      const without = await measure('without');
      samples.push({ without, with: await measure('with') });
    } else {
      const changed = await measure('with');
      samples.push({ without: await measure('without'), with: changed });
    }
    say(`${name}: pair ${index + 1} of ${pairs} measured\n`);
  }
  return samples;
}

/** How long to measure at this rate, so that a 99th percentile means something. */
export function pairSeconds(options: Options, perSecond: number): number {
  return Math.max(options.pairSeconds, options.pairSamplesMin / perSecond);
}
