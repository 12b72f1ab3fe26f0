import { Registry } from '@prometheus-io/client';
import { Instruments, type MetricReport } from './instruments.ts';

export interface MetricsText {
  contentType: string;
  text: string;
}

/** The reports of several threads as one text; `silent` threads did not answer in time. */
export async function metricsText(
  reports: readonly MetricReport[][],
  { silent }: { silent: number },
): Promise<MetricsText> {
  const scrape = new Instruments();
  scrape.reading('scrape_incomplete', {}, () => silent);
  const all = Registry.aggregate([...reports, scrape.report()]);
  return { contentType: all.contentType, text: await all.metrics() };
}
