import { DOCUMENTED_SCHEDULE_MS } from '../../../src/core/schedule.ts';
import { shardsOf } from '../../../src/core/shards.ts';
import type { EngineSettings } from '../../../src/engine/ports.ts';

/** The values of a fresh installation, as far as a test does not care. */
export function engineSettings(settings: Partial<EngineSettings> = {}): EngineSettings {
  return {
    schedule: DOCUMENTED_SCHEDULE_MS,
    attemptTimeoutMs: 15_000,
    userAgent: 'Posthorn-Webhooks/1.0',
    onGone: 'retry',
    concurrencyMax: 64,
    inFlightMax: 6_144,
    disableAfterMs: 5 * 24 * 60 * 60_000,
    backlogMax: 1_000_000,
    ...settings,
  };
}

/** One engine for everything, after a run that ended by itself. */
export const WHOLE_RUN = wholeRun({ afterCrash: false });

/** After a run that left no record of what it had in progress, or one that ended by itself. */
export function wholeRun({ afterCrash }: { afterCrash: boolean }) {
  return shardsOf({ index: 0, of: 1 }, { drained: !afterCrash });
}
