export interface DrainReport {
  /** Exchanges that were still in progress at the limit; their deliveries stay pending. */
  abandoned: number;
  /** Outcomes that could not be written; their deliveries stay pending. */
  unsettled: number;
}

export const NOTHING_LEFT: DrainReport = { abandoned: 0, unsettled: 0 };

/** What several that drained have left. */
export function leftByAll(reports: readonly DrainReport[]): DrainReport {
  return reports.reduce(
    (sum, { abandoned, unsettled }) => ({
      abandoned: sum.abandoned + abandoned,
      unsettled: sum.unsettled + unsettled,
    }),
    NOTHING_LEFT,
  );
}
