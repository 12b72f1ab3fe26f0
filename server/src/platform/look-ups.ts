import { lookup } from 'node:dns';

/** Of libuv, when nothing is said. */
const POOL_THREADS = 4;

/** The system's own way: hosts file, search domains, `localhost`, as every program on this machine. */
export function systemLookUp(
  hostname: string,
  resolved: (error: Error | null, addresses: { address: string; family: number }[]) => void,
): void {
  lookup(hostname, { all: true }, (error, addresses) => resolved(error, addresses ?? []));
}

/** How many look-ups may run at once: libuv lets slow work have half of its threads. */
export function lookUpSlots(
  poolThreads = Number(process.env.UV_THREADPOOL_SIZE) || POOL_THREADS,
): number {
  return Math.floor((poolThreads + 1) / 2);
}
