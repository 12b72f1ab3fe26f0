import { channel } from 'node:diagnostics_channel';
import { ANNOUNCEMENT_NAMES, type Announcements } from '../core/announcements.ts';

/** Node's diagnostics channels; each thread has its own. */
export function createAnnouncements(): Announcements {
  return {
    attempt: channel(ANNOUNCEMENT_NAMES.attempt),
    settled: channel(ANNOUNCEMENT_NAMES.settled),
    settleFailed: channel(ANNOUNCEMENT_NAMES.settleFailed),
    transaction: channel(ANNOUNCEMENT_NAMES.transaction),
    webhookDisabled: channel(ANNOUNCEMENT_NAMES.webhookDisabled),
    headFailed: channel(ANNOUNCEMENT_NAMES.headFailed),
    unheard: channel(ANNOUNCEMENT_NAMES.unheard),
    fenced: channel(ANNOUNCEMENT_NAMES.fenced),
    bug: channel(ANNOUNCEMENT_NAMES.bug),
    request: channel(ANNOUNCEMENT_NAMES.request),
  };
}
