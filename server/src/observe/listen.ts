import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ANNOUNCEMENT_NAMES, type Announcements } from '../core/announcements.ts';
import type { Announcement } from '../core/ports.ts';

export type Message<Name extends keyof Announcements> =
  Announcements[Name] extends Announcement<infer Value> ? Value : never;

export type Listeners = { [Name in keyof Announcements]?: (message: Message<Name>) => void };

/** Hears what this thread announces, until what it answers is called. */
export function listen(listeners: Listeners): () => void {
  const heard = Object.entries(listeners).map(([name, hear]) => ({
    channel: ANNOUNCEMENT_NAMES[name as keyof Announcements],
    hear: (message: unknown) => hear(message as never),
  }));
  for (const { channel, hear } of heard) subscribe(channel, hear);
  return () => {
    for (const { channel, hear } of heard) unsubscribe(channel, hear);
  };
}
