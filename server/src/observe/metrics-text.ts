import { Registry } from '@prometheus-io/client';
import { Instruments, type MetricReport } from './instruments.ts';

export interface MetricsText {
  contentType: string;
  text: string;
}

/** The reports of several threads as one text; `silent` threads did not answer in time. */
export async function metricsText(
  reports: readonly MetricReport[][],
  silence: { silent: number },
): Promise<MetricsText> {
  const all = aggregated(reports, silence);
  return { contentType: all.contentType, text: await all.metrics() };
}

/** The same as one report, for another process. */
export async function addUp(
  reports: readonly MetricReport[][],
  silence: { silent: number },
): Promise<MetricReport[]> {
  return (await aggregated(reports, silence).getMetricsAsJSON()) as unknown as MetricReport[];
}

/** What a process that has ended leaves: its counts, or a sum that it was in would fall. */
export function countsOf(reports: readonly MetricReport[]): MetricReport[] {
  return reports.filter(({ type }) => type !== 'gauge');
}

function aggregated(reports: readonly MetricReport[][], { silent }: { silent: number }): Registry {
  const scrape = new Instruments();
  scrape.reading('scrape_incomplete', {}, () => silent);
  return Registry.aggregate([...reports, scrape.report()]);
}
