import { PosthornError } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** What a test call sends. It is in no catalogue: nobody can publish it or needs to subscribe to it. */
export const TEST_EVENT_TYPE = 'webhook.test';

/** What a fresh installation knows; its migrations put the same into its catalogue, and a test compares them. */
export const FIRST_EVENT_TYPES = {
  'project.created': 'A new project was created',
  'project.deleted': 'A project was deleted',
  'project.updated': 'A project was updated',
  'team.member.added': 'A member was added to a team',
  'team.member.removed': 'A member was removed from a team',
  'team.member.role_changed': "A member's role was changed",
  'user.created': 'A new user was created',
  'user.deleted': 'A user was deleted',
  'user.updated': 'A user was updated',
} as const;

/** Lower-case words joined by dots: safe in a header, a path and a pattern. */
export const EVENT_TYPE_PATTERN = '^[a-z0-9_]+(\\.[a-z0-9_]+)*$';
export const EVENT_TYPE_CHARS_MAX = 128;
const eventType = new RegExp(EVENT_TYPE_PATTERN);

export function isEventTypeName(name: string): boolean {
  return name.length <= EVENT_TYPE_CHARS_MAX && eventType.test(name);
}

/**
 * Whether a subscription covers a type. A subscription is the name of a type, a family (`user.*`:
 * everything below `user.`, at any depth) or `*` (everything).
 */
export function covers(subscription: string, type: string): boolean {
  if (subscription === type || subscription === '*') return true;
  return subscription.endsWith('.*') && type.startsWith(subscription.slice(0, -1));
}

/** The types that a webhook's `events` name and the catalogue does not have, as an error. */
export function checkSubscriptions(
  subscriptions: readonly string[],
  catalogue: ReadonlySet<string>,
): void {
  const families = () => new Set([...catalogue].map((type) => `${type.split('.')[0]}.*`));
  const faults = subscriptions.flatMap((subscription, index) => {
    const known =
      subscription === '*' ||
      catalogue.has(subscription) ||
      (subscription.endsWith('.*') && [...catalogue].some((type) => covers(subscription, type)));
    if (known) return [];
    const detail = unknownType(subscription, subscription.includes('*') ? families() : catalogue);
    return [{ pointer: `/events/${index}`, code: 'unknown_event_type', detail }];
  });
  const [first] = faults;
  if (first) throw new PosthornError('unknown_event_type', first.detail, { faults });
}

/** A sentence; `candidates` are what may have been meant. */
export function unknownType(name: string, candidates: ReadonlySet<string>): string {
  return `The event type "${name}" is not in the catalogue (GET /v1/event-types).${didYouMean(name, candidates)}`;
}
