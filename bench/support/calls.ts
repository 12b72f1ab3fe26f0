import { resourceUsage } from 'node:process';

/** What every process of the bench can be asked about itself. */
export interface Usage {
  /** User and system time of all its threads since it began. */
  cpuUs: number;
  rssBytes: number;
  rssBytesMax: number;
}

/** What can be asked of a process: each takes one argument and answers a value. */
export type Calls = Record<string, (argument: never) => unknown>;

export interface CallMessage {
  id: number;
  name: string;
  argument: unknown;
}

export interface AnswerMessage {
  id: number;
  value?: unknown;
  error?: string;
}

/**
 * Answers the harness over the channel it was forked with, and ends when the harness does, however
 * that ended. The channel itself does not keep the process alive.
 */
export function answerCalls(calls: Calls): void {
  const all: Calls = { ...calls, usage };
  process.on('message', async ({ id, name, argument }: CallMessage) => {
    const answer = await answerTo(all[name], argument);
    process.send?.({ id, ...answer } satisfies AnswerMessage);
  });
  process.on('disconnect', () => process.exit(1));
}

async function answerTo(
  call: Calls[string] | undefined,
  argument: unknown,
): Promise<Omit<AnswerMessage, 'id'>> {
  try {
    // The asking side is typed by `Calls`; between the processes it is a name and its argument.
    return { value: await (call as ((argument: unknown) => unknown) | undefined)?.(argument) };
  } catch (error) {
    return { error: (error as Error).stack ?? String(error) };
  }
}

function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = resourceUsage();
  return {
    cpuUs: userCPUTime + systemCPUTime,
    rssBytes: process.memoryUsage.rss(),
    rssBytesMax: maxRSS * 1024,
  };
}
