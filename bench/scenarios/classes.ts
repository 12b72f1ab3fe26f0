import type { LoadReport } from '../load.ts';
import type { Options, ReceiverClass } from '../options.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { say } from '../support/progress.ts';
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
  /** All together while every receiver answers at once: what the load itself costs. */
  atOnce: ClassFigures[];
  together: ClassFigures[];
  duplicates: number;
}

/** A class with its types and its range of sequence numbers. */
interface Stream extends ReceiverClass {
  /** Usually that of its class. */
  answerAfterMs: number;
  types: NumberedTypes;
  first: number;
  count: number;
}

/** Receivers of different speeds, each class by itself and then together, with the same demand. */
export async function measureClasses(receiver: Receiver, options: Options): Promise<ClassesSample> {
  const { classes } = options.classes;
  const sample: ClassesSample = { alone: [], atOnce: [], together: [], duplicates: 0 };
  for (const each of classes) sample.alone.push(...(await measure([each])));
  sample.atOnce = await measure(classes, 0);
  sample.together = await measure(classes);
  return sample;

  async function measure(wanted: readonly ReceiverClass[], answerAfterMs: number | null = null) {
    const streams = streamsOf(wanted, options, answerAfterMs);
    const { figures, duplicates } = await measureTogether(receiver, options, streams);
    sample.duplicates += duplicates;
    say(`classes: ${wanted.map((each) => each.delayMs).join(', ')} ms measured\n`);
    return figures;
  }
}

async function measureTogether(
  receiver: Receiver,
  options: Options,
  streams: readonly Stream[],
): Promise<{ figures: ClassFigures[]; duplicates: number }> {
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

/** `answerAfterMs`: null, or instead of that of each class. */
function streamsOf(
  classes: readonly ReceiverClass[],
  options: Options,
  answerAfterMs: number | null,
): Stream[] {
  const { rampSeconds, seconds } = options.classes;
  let first = 0;
  return classes.map((each) => {
    const types = { prefix: `bench.after${each.delayMs}.t`, count: each.webhooks };
    const count = Math.ceil(each.perSecond * (rampSeconds + seconds));
    const stream = { ...each, answerAfterMs: answerAfterMs ?? each.delayMs, types, first, count };
    first += stream.count;
    return stream;
  });
}

async function createWebhooks(
  receiver: Receiver,
  server: ServerProcess,
  streams: readonly Stream[],
): Promise<void> {
  const wanted = streams.flatMap(({ answerAfterMs, types }) =>
    typeNames(types).map((name) => ({ answerAfterMs, name })),
  );
  const origins = await receiver.origins(wanted.length);
  await server.api.addEventTypes(wanted.map(({ name }) => name));
  await server.api.createWebhooks(
    wanted.map(({ answerAfterMs, name }, index) => ({
      url: `${origins[index]}/delay/${answerAfterMs}/`,
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
