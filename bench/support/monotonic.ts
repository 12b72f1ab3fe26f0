/**
 * Milliseconds of the machine's monotonic clock. Unlike `performance.now()` it has the same origin
 * in every process of the machine, so that what two of them noted can be compared.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
