import type { LoadCalls } from '../load.ts';
import type { LoopCalls } from '../loop.ts';
import type { ReceiverCalls } from '../receiver.ts';
import { BenchProcess } from './child-process.ts';

export interface Receiver {
  process: BenchProcess<ReceiverCalls>;
  url: string;
}

export async function startReceiver(): Promise<Receiver> {
  const process = new BenchProcess<ReceiverCalls>({ file: processFile('receiver') });
  return { process, url: await process.call('listen', undefined) };
}

export function startLoad(): BenchProcess<LoadCalls> {
  return new BenchProcess<LoadCalls>({ file: processFile('load') });
}

export function startLoop(): BenchProcess<LoopCalls> {
  return new BenchProcess<LoopCalls>({ file: processFile('loop') });
}

function processFile(name: 'receiver' | 'load' | 'loop'): URL {
  return new URL(`../${name}.ts`, import.meta.url);
}
