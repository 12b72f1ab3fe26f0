export interface Spread {
  median: number;
  min: number;
  max: number;
}

export interface Percentiles {
  p50: number;
  p99: number;
  max: number;
  samples: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (at: number) => sorted[at] ?? Number.NaN;
  const half = sorted.length / 2;
  const median = Number.isInteger(half)
    ? (middle(half - 1) + middle(half)) / 2
    : middle(Math.floor(half));
  return { median, min: middle(0), max: middle(sorted.length - 1) };
}

export function median<Sample>(samples: readonly Sample[], value: (of: Sample) => number): number {
  return spread(samples.map(value)).median;
}

/** By nearest rank. */
export function percentiles(values: Float64Array): Percentiles {
  const sorted = values.toSorted();
  const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1), samples: sorted.length };
}
