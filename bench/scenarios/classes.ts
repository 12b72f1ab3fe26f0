import type { LoadReport } from '../load.ts';
import type { Options, ReceiverClass } from '../options.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { type NumberedTypes, typeNames } from '../support/sample-events.ts';
import { ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';
import { differences, expectAccepted, publish } from './publish.ts';

export interface ClassFigures extends ReceiverClass {
  /** What arrived in the measured time, per second. */
  arrivedPerSecond: number;
  /** Of what was due in the measured time. */
  receivedMs: Percentiles;
  missing: number;
}

export interface ClassesSample {
  /** By class, in the same order. */
  alone: ClassFigures[];
  together: ClassFigures[];
  duplicates: number;
}

/** A class with its types and its range of sequence numbers. */
interface Stream extends ReceiverClass {
  types: NumberedTypes;
  first: number;
  count: number;
}

/** Receivers of different speeds, each class by itself and then all at once, with the same demand. */
export async function measureClasses(receiver: Receiver, options: Options): Promise<ClassesSample> {
  const { classes } = options.classes;
  const sample: ClassesSample = { alone: [], together: [], duplicates: 0 };
  for (const each of classes) sample.alone.push(...(await measure([each])));
  sample.together = await measure(classes);
  return sample;

  async function measure(wanted: readonly ReceiverClass[]): Promise<ClassFigures[]> {
    const { figures, duplicates } = await measureTogether(receiver, options, wanted);
    sample.duplicates += duplicates;
    return figures;
  }
}

async function measureTogether(
  receiver: Receiver,
  options: Options,
  classes: readonly ReceiverClass[],
): Promise<{ figures: ClassFigures[]; duplicates: number }> {
  const streams = streamsOf(classes, options);
  await using server = await ServerProcess.start(options);
  await using stack = new AsyncDisposableStack();
  await createWebhooks(receiver, server, streams);
  const count = streams.reduce((sum, stream) => sum + stream.count, 0);
  await receiver.process.call('configure', { first: 0, count });
  const connections = Math.ceil(options.connections / streams.length);
  const published = await Promise.all(
    streams.map(async (stream) => {
      const load = stack.use(startLoad());
      const report = await publish({ load, server, options: { ...options, connections } }, stream);
      expectAccepted(report, stream.count);
      return report;
    }),
  );
  const { limitMs } = options;
  const { duplicates } = await receiver.process.call('waitFor', { what: 'count', count, limitMs });
  const arrivals = await receiver.process.call('arrivalTimes', undefined);
  const figures = streams.map((stream, index) => {
    const own = arrivals.subarray(stream.first, stream.first + stream.count);
    return figuresOf(stream, { published: published[index], arrivals: own, options });
  });
  return { figures, duplicates };
}

function streamsOf(classes: readonly ReceiverClass[], options: Options): Stream[] {
  const { rampSeconds, seconds } = options.classes;
  let first = 0;
  return classes.map((each) => {
    const types = { prefix: `bench.after${each.delayMs}.t`, count: each.webhooks };
    const stream = {
      ...each,
      types,
      first,
      count: Math.ceil(each.perSecond * (rampSeconds + seconds)),
    };
    first += stream.count;
    return stream;
  });
}

async function createWebhooks(
  receiver: Receiver,
  server: ServerProcess,
  streams: readonly Stream[],
): Promise<void> {
  const wanted = streams.flatMap(({ delayMs, types }) =>
    typeNames(types).map((name) => ({ delayMs, name })),
  );
  const origins = await receiver.origins(wanted.length);
  await server.api.addEventTypes(wanted.map(({ name }) => name));
  await server.api.createWebhooks(
    wanted.map(({ delayMs, name }, index) => ({
      url: `${origins[index]}/delay/${delayMs}/`,
      events: [name],
    })),
  );
}

function figuresOf(
  stream: Stream,
  of: { published: LoadReport | undefined; arrivals: Float64Array; options: Options },
): ClassFigures {
  const { delayMs, webhooks, perSecond } = stream;
  const { rampSeconds, seconds } = of.options.classes;
  const startedAt = of.published?.startedAt ?? new Float64Array(0);
  const fromAt = (startedAt[0] ?? Number.NaN) + rampSeconds * 1_000;
  const isMeasured = (at: number | undefined) =>
    at !== undefined && at >= fromAt && at < fromAt + seconds * 1_000;
  const receivedMs = differences(startedAt, of.arrivals);
  return {
    delayMs,
    webhooks,
    perSecond,
    arrivedPerSecond: of.arrivals.filter(isMeasured).length / seconds,
    receivedMs: percentiles(receivedMs.filter((_, index) => isMeasured(startedAt[index]))),
    missing: of.arrivals.filter(Number.isNaN).length,
  };
}
