import type { Options } from '../options.ts';
import { BenchPostgres, type DatabaseWork } from '../support/postgres.ts';
import type { Receiver } from '../support/processes.ts';
import { alternate, type Pair } from './pairs.ts';
import { measureThroughput, type ThroughputSample } from './throughput.ts';

/** The same work over SQLite (`without`) and over PostgreSQL on the same machine (`with`). */
export interface PostgresSample {
  fanOut: number;
  pairs: Pair<ThroughputSample>[];
  /** Of each run over PostgreSQL, for each event. */
  perEvent: DatabaseWork[];
}

export async function measurePostgres(
  receiver: Receiver,
  options: Options,
): Promise<PostgresSample[]> {
  await using postgres = await BenchPostgres.start(options.directory);
  const samples: PostgresSample[] = [];
  for (const [fanOut, events] of [
    [1, options.events],
    [options.fanOut, options.fanOutEvents],
  ] as const) {
    const perEvent: DatabaseWork[] = [];
    const pairs = await alternate(`postgres, fan-out ${fanOut}`, options.runs, async (side) => {
      if (side === 'without') return await measureThroughput(receiver, options, { fanOut, events });
      const database = await postgres.createDatabase();
      const server = { database };
      const sample = await measureThroughput(receiver, options, { fanOut, events, server });
      const { commits, statements } = await database.work();
      const all = events * (1 + options.warmUpShare);
      perEvent.push({ commits: commits / all, statements: statements / all });
      return sample;
    });
    samples.push({ fanOut, pairs, perEvent });
  }
  return samples;
}
