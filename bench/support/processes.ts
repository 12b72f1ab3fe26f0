import type { LoadCalls } from '../load.ts';
import type { LoopCalls } from '../loop.ts';
import type { ReceiverCalls } from '../receiver.ts';
import { BenchProcess } from './child-process.ts';

/** Plays every receiver of the bench. */
export class Receiver implements AsyncDisposable {
  readonly process = new BenchProcess<ReceiverCalls>({ file: processFile('receiver') });
  readonly #origins: string[] = [];

  /** The same ones each time: each has a port of its own, as receivers of real webhooks do. */
  async origins(count: number): Promise<readonly string[]> {
    const missing = count - this.#origins.length;
    if (missing > 0) this.#origins.push(...(await this.process.call('listen', missing)));
    return this.#origins.slice(0, count);
  }

  async origin(): Promise<string> {
    const [origin = ''] = await this.origins(1);
    return origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
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
