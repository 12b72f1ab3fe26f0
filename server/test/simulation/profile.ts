import { DOCUMENTED_SCHEDULE_MS } from '../../src/core/schedule.ts';
import type { EngineSettings } from '../../src/engine/ports.ts';
import type { Seeded } from '../core/support/seeded.ts';

/** What kind of run a seed is: how the engine is set up, how much happens, and what goes wrong. */
export interface Profile {
  settings: EngineSettings;
  accounts: number;
  webhooks: number;
  operations: number;
  /** From one operation to the next, at most. */
  gapMsMax: number;
  /** Of which a webhook may have one of its own. */
  schedules: readonly (readonly number[])[];
  faults: {
    crashes: boolean;
    failingStore: boolean;
    slowStore: boolean;
    jumps: boolean;
    shortage: boolean;
    lostHandOvers: boolean;
  };
}

const DAY_MS = 24 * 60 * 60_000;
const SCHEDULES = [
  DOCUMENTED_SCHEDULE_MS,
  [0, 1_000, 5_000, 30_000],
  [0, 5_000, 5_000, 60_000, 600_000],
  [0, 200],
] as const;

export function profileOf(random: Seeded): Profile {
  const often = random.below(8);
  const isCalm = often === 0;
  const may = (share: number) => !isCalm && random.fraction() < share;
  return {
    settings: {
      schedule: random.pick(SCHEDULES),
      attemptTimeoutMs: random.pick([15_000, 15_000, 4_000]),
      userAgent: 'Posthorn-Webhooks/1.0',
      onGone: random.pick(['retry', 'disable']),
      concurrencyMax: random.pick([64, 64, 4, 1]),
      inFlightMax: random.pick([6_144, 6_144, 48, 12, 4]),
      disableAfterMs: random.pick([5 * DAY_MS, 5 * DAY_MS, 10 * 60_000, 0]),
      backlogMax: random.pick([1_000_000, 1_000_000, 1_000_000, 60, 20]),
    },
    accounts: 1 + random.below(3),
    webhooks: 1 + random.below(8),
    operations: 20 + Math.floor(130 * random.fraction() ** 2),
    gapMsMax: random.pick([20, 200, 2_000, 20_000, 120_000]),
    schedules: SCHEDULES,
    faults: {
      crashes: may(0.6),
      failingStore: may(0.35),
      slowStore: may(0.3),
      jumps: may(0.2),
      shortage: may(0.3),
      lostHandOvers: may(0.06),
    },
  };
}

/** Settings that a webhook is created with or changed to. */
export function settingsOf(random: Seeded, schedules: Profile['schedules']) {
  const one = <Item>(share: number, item: () => Item): Item | null =>
    random.fraction() < share ? item() : null;
  return {
    ordering: random.pick(['none', 'none', 'strict'] as const),
    rateLimit: one(0.25, () => ({
      max: 1 + random.below(6),
      perMs: random.pick([1_000, 5_000, 20_000]),
    })),
    concurrencyMax: one(0.2, () => random.pick([1, 2, 10])),
    retrySchedule: one(0.3, () => random.pick(schedules)),
    onGone: one(0.3, () => random.pick(['retry', 'disable'] as const)),
  };
}
