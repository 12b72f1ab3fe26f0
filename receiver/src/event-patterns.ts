import type { WebhookEvent } from './event.ts';

/** The names of the event types in a map of type → data. */
export type EventType<Events extends object> = Extract<keyof Events, string>;

/** What `on` takes: a type, a family such as `user.*` with all that is below it, or `*`. */
export type EventPattern<Events extends object> =
  | EventType<Events>
  | Family<EventType<Events>>
  | '*';

type Family<Type extends string> = Type extends `${infer Head}.${infer Rest}`
  ? `${Head}.*` | `${Head}.${Family<Rest>}`
  : never;

/** An event of a map, or the union of several: `type` tells which, and so what `data` is. */
export type EventOf<Events extends object, Type extends string> =
  Type extends EventType<Events>
    ? Omit<WebhookEvent, 'type' | 'data'> & { readonly type: Type; readonly data: Events[Type] }
    : never;

/** The event that a handler of the pattern gets. */
export type MatchingEvent<Events extends object, Pattern extends string> = EventOf<
  Events,
  string extends EventType<Events>
    ? string
    : Pattern extends '*'
      ? EventType<Events>
      : Pattern extends `${infer Prefix}.*`
        ? Extract<EventType<Events>, `${Prefix}.${string}`>
        : Pattern
>;

export function matchesPattern(pattern: string, type: string): boolean {
  if (pattern === '*' || pattern === type) return true;
  return pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1));
}
