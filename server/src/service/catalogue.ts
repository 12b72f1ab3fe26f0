import { invalid, PosthornError } from '../core/errors.ts';
import {
  EVENT_TYPE_CHARS_MAX,
  isEventTypeName,
  TEST_EVENT_TYPE,
  unknownType,
} from '../core/event-types.ts';
import type { EventType } from '../core/model.ts';
import type { Page, PageRequest, Store } from '../core/ports.ts';

export const EVENT_TYPES_MAX = 10_000;

/**
 * The event types of this installation. Names are cached; one that is not in the cache is looked for
 * in the store before it is called unknown, since another node may have added it.
 */
export class Catalogue {
  #names: ReadonlySet<string> = new Set();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws `unknown_event_type` with a suggestion. */
  async expect(type: string, pointer: string): Promise<void> {
    if (this.#names.has(type) || (await this.names()).has(type)) return;
    const detail = unknownType(type, this.#names);
    throw new PosthornError('unknown_event_type', detail, {
      faults: [{ pointer, code: 'unknown_event_type', detail }],
    });
  }

  has(type: string): boolean {
    return this.#names.has(type);
  }

  /** As the store has them now. */
  async names(): Promise<ReadonlySet<string>> {
    this.#names = new Set(await this.#store.eventTypeNames());
    return this.#names;
  }

  list(page: PageRequest): Promise<Page<EventType>> {
    return this.#store.listEventTypes(page);
  }

  async put(type: EventType): Promise<'created' | 'updated'> {
    if (!isEventTypeName(type.name) || type.name === TEST_EVENT_TYPE) {
      throw invalid(
        '/name',
        'invalid_name',
        type.name === TEST_EVENT_TYPE
          ? `"${TEST_EVENT_TYPE}" is the type of test calls.`
          : `A name is lower-case words of a-z, 0-9 and _, joined by dots, at most ${EVENT_TYPE_CHARS_MAX} characters: for example "invoice.paid".`,
      );
    }
    const result = await this.#store.putEventType(type, { max: EVENT_TYPES_MAX });
    if (result === 'too_many') {
      throw new PosthornError(
        'limit_reached',
        `An installation has at most ${EVENT_TYPES_MAX} event types.`,
      );
    }
    return result;
  }

  /** Webhooks that name it keep it; nobody can publish it any more. */
  async delete(name: string): Promise<void> {
    if ((await this.#store.deleteEventType(name)) === 'missing') {
      throw new PosthornError('not_found', 'There is no such event type.');
    }
    await this.names();
  }
}
