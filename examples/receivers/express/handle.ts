import { createHash } from 'node:crypto';
import { log } from './log.ts';

export interface Event {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** Undefined where what was signed is no event: then its sender is not Posthorn. */
export function eventOf(body: Buffer): Event | undefined {
  try {
    const event: Partial<Event> | null = JSON.parse(body.toString());
    const isEvent = typeof event?.id === 'string' && typeof event.type === 'string';
    return isEvent ? (event as Event) : undefined;
  } catch {
    return undefined;
  }
}

/** Yours to write. It may run twice when the process dies at its end, so let its effect repeat. */
export async function handle(body: Buffer): Promise<void> {
  const event = JSON.parse(body.toString()) as Event;
  const sha256 = createHash('sha256').update(body).digest('hex');
  log('handled', { event_id: event.id, event_type: event.type, bytes: body.length, sha256 });
}
