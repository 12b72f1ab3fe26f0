// Where the server's time goes: a profile of each of its threads, and the functions on top of each.
//
//   node bench/profile.ts <file.cpuprofile> …   shows profiles that were taken before
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Options } from './options.ts';
import { measureThroughput } from './scenarios/throughput.ts';
import type { Receiver } from './support/processes.ts';
import { fixed, table, whole } from './support/report.ts';

const TOP = 20;
const ROOT = new URL('..', import.meta.url).href;

interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
}

/** One run with `--cpu-prof`; the profiles are kept. */
export async function profileServer(
  receiver: Receiver,
  options: Options,
  fanOut: number,
): Promise<void> {
  const name = `profile-${new Date().toISOString().replaceAll(':', '-')}`;
  const directory = fileURLToPath(new URL(`./results/${name}`, import.meta.url));
  mkdirSync(directory, { recursive: true });
  const sample = await measureThroughput(receiver, options, {
    fanOut,
    events: fanOut === 1 ? options.events : options.fanOutEvents,
    server: { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${directory}`] },
  });
  const files = readdirSync(directory).map((file) => `${directory}/${file}`);
  for (const file of files) console.log(`${file}\n${topFunctions(file)}\n`);
  console.log(`${whole(sample.deliveriesPerSecond)} deliveries/s while it was profiled`);
}

/** The functions that a thread spent most time in themselves, of the time it was not idle. */
export function topFunctions(file: string): string {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const selfUs = selfTimes(profile);
  const idleUs = selfUs.get('(idle)') ?? 0;
  selfUs.delete('(idle)');
  selfUs.delete('(root)');
  const busyUs = selfUs.values().reduce((sum, us) => sum + us, 0);
  const rows = [...selfUs]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([name, us]) => [name, fixed((us / busyUs) * 100, 1), whole(us / 1_000)]);
  const busy = `busy ${fixed((busyUs / (busyUs + idleUs)) * 100, 0)} % of its time`;
  return `${busy}\n${table(['function', '% of busy', 'self ms'], rows)}`;
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const selfUs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    selfUs.set(name, (selfUs.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return selfUs;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const short = url.replace(ROOT, '').replace(/^.*node_modules\//, '');
  return `${name} ${short}:${lineNumber + 1}`;
}

if (import.meta.main) {
  for (const file of process.argv.slice(2)) console.log(`${file}\n${topFunctions(file)}\n`);
}
