import type { Clock, Lease } from '../../core/ports.ts';

/** The lease as whoever renews it sees it. */
export interface NodeLease extends Lease {
  /** Valid until that moment (monotonic). */
  extend(until: number): void;
  end(): void;
}

/** For a node whose engine runs in the thread that renews the lease. */
export function createNodeLease(clock: Clock): NodeLease {
  let validUntil = Number.NEGATIVE_INFINITY;
  return {
    isValid: () => clock.monotonic() < validUntil,
    extend(until) {
      validUntil = until;
    },
    end() {
      validUntil = Number.NEGATIVE_INFINITY;
    },
  };
}
