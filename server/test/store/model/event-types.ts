import type { Answers, State } from './state.ts';

type Operations =
  | 'listEventTypes'
  | 'getEventType'
  | 'eventTypeNames'
  | 'putEventType'
  | 'deleteEventType';

export function eventTypeAnswers({ eventTypes }: State): Answers<Operations> {
  const names = () => [...eventTypes.keys()].sort();
  return {
    listEventTypes(_, { limit, after = '' }) {
      const all = names()
        .filter((name) => name > after)
        .flatMap((name) => eventTypes.get(name) ?? []);
      return { items: all.slice(0, limit), hasMore: all.length > limit };
    },
    getEventType: (_, name) => eventTypes.get(name) ?? null,
    eventTypeNames: () => names(),
    putEventType(_, type, { max }) {
      const isKnown = eventTypes.has(type.name);
      if (!isKnown && eventTypes.size >= max) return 'too_many';
      eventTypes.set(type.name, type);
      return isKnown ? 'updated' : 'created';
    },
    deleteEventType: (_, name) => (eventTypes.delete(name) ? 'deleted' : 'missing'),
  };
}
