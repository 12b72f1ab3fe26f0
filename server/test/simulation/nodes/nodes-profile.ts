import type { Seeded } from '../../core/support/seeded.ts';
import { type Profile, profileOf } from '../profile.ts';

/** What kind of run a seed with several nodes is, beside what one node's may be. */
export interface NodesProfile extends Profile {
  nodes: number;
  leaseMs: number;
  /** How far the nodes' wall clocks are from the right time at most, and by what share their clocks run too fast or too slow. */
  clocks: { wallApartMs: number; ratesApart: number };
  /** By how much the database's clock is ahead of the right time, and how fast it runs beside it. */
  databaseClock: { aheadMs: number; rate: number };
  nodeFaults: {
    crashes: boolean;
    drains: boolean;
    freezes: boolean;
    joins: boolean;
    lostAnswers: boolean;
    holdUps: boolean;
    /** A node goes on, and its loop cannot ask the database for anything. */
    cutOffs: boolean;
    /** The share of notifications that get lost. */
    lostNotifications: number;
  };
}

/** Short ones: two looks in a second make every hour of waiting long. */
const SCHEDULES = [
  [0, 1_000, 5_000, 30_000],
  [0, 2_000, 2_000, 20_000, 60_000],
  [0, 200],
] as const;
const DAY_MS = 24 * 60 * 60_000;

export function nodesProfileOf(random: Seeded): NodesProfile {
  const profile = profileOf(random);
  const isCalm = random.below(8) === 0;
  const may = (share: number) => !isCalm && random.fraction() < share;
  const { failingStore, slowStore, jumps, shortage } = profile.faults;
  return {
    ...profile,
    settings: {
      ...profile.settings,
      schedule: random.pick(SCHEDULES),
      attemptTimeoutMs: random.pick([15_000, 4_000, 4_000]),
      inFlightMax: random.pick([6_144, 6_144, 48, 12]),
      disableAfterMs: random.pick([5 * DAY_MS, 0]),
    },
    schedules: SCHEDULES,
    webhooks: 1 + random.below(6),
    operations: 20 + random.below(60),
    gapMsMax: random.pick([200, 2_000, 5_000]),
    faults: {
      crashes: false,
      lostHandOvers: false,
      failingStore: !isCalm && failingStore,
      slowStore: !isCalm && (slowStore || random.below(4) === 0),
      jumps: !isCalm && (jumps || random.below(4) === 0),
      shortage: !isCalm && shortage,
    },
    nodes: random.pick([2, 2, 3]),
    leaseMs: random.pick([5_000, 5_000, 2_000]),
    clocks: {
      wallApartMs: random.pick([0, 20, 4_000, 120_000]),
      // Far more than any quartz: a lease has to bear a tenth of itself.
      ratesApart: random.pick([0, 0.01, 0.04]),
    },
    databaseClock: {
      aheadMs: random.pick([0, -DAY_MS, 3_600_000, 250]),
      rate: random.pick([1, 0.98, 1.02, 1.05]),
    },
    nodeFaults: {
      crashes: may(0.5),
      drains: may(0.4),
      freezes: may(0.6),
      joins: may(0.4),
      lostAnswers: may(0.3),
      holdUps: may(0.4),
      cutOffs: may(0.4),
      lostNotifications: random.pick([0, 0.5, 1]),
    },
  };
}
