import { invalid, PosthornError, toldFirst } from '../core/errors.ts';
import { utf8Length } from '../core/event-body.ts';
import {
  EVENT_TYPE_CHARS_MAX,
  isEventTypeName,
  TEST_EVENT_TYPE,
  unknownType,
} from '../core/event-types.ts';
import type { EventType } from '../core/model.ts';
import type { Clock, DataSchemas, Page, PageRequest, Store } from '../core/ports.ts';
import type { ServicePorts } from './ports.ts';

export const EVENT_TYPES_MAX = 10_000;
/** Of a schema, and of an example, as JSON without white space. */
const DESCRIPTION_BYTES_MAX = 65_536;

/** A name that another node has deleted is accepted no longer than this. */
const NAMES_MS_MAX = 1_000;

/**
 * The event types of this installation. Names are cached for a moment; one that is not in the cache is
 * looked for in the store before it is called unknown, since another node may have added it.
 */
export class Catalogue {
  #names: ReadonlySet<string> = new Set();
  /** When the read of the names began, by the monotonic clock. */
  #readAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<unknown> | null = null;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #dataSchemas: DataSchemas;

  constructor({
    store,
    clock,
    dataSchemas,
  }: Pick<ServicePorts, 'store' | 'clock' | 'dataSchemas'>) {
    this.#store = store;
    this.#clock = clock;
    this.#dataSchemas = dataSchemas;
  }

  /** Throws `unknown_event_type` with a suggestion. */
  async expect(type: string, pointer: string): Promise<void> {
    if (this.#names.has(type)) await this.#refresh();
    // A read of its own: one that others wait for may have begun before the type was added.
    if (this.has(type) || (await this.names()).has(type)) return;
    const detail = unknownType(type, this.#names);
    throw new PosthornError('unknown_event_type', detail, {
      faults: [{ pointer, code: 'unknown_event_type', detail }],
    });
  }

  /** Whether it was known a moment ago. */
  has(type: string): boolean {
    return this.#names.has(type) && this.#clock.monotonic() - this.#readAt < NAMES_MS_MAX;
  }

  /** As the store has them now. */
  async names(): Promise<ReadonlySet<string>> {
    const readAt = this.#clock.monotonic();
    const names = new Set(await this.#store.eventTypeNames());
    if (readAt >= this.#readAt) {
      this.#names = names;
      this.#readAt = readAt;
    }
    return names;
  }

  /** One read for all who wait for it. */
  async #refresh(): Promise<void> {
    this.#refreshing ??= this.names().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
  }

  list(page: PageRequest): Promise<Page<EventType>> {
    return this.#store.listEventTypes(page);
  }

  async get(name: string): Promise<EventType> {
    const type = await this.#store.getEventType(name);
    if (type === null) throw noSuchType();
    return type;
  }

  /** Takes the place of the whole type. Its example has to fit its schema. */
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
    await this.#checkData(type);
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
      throw noSuchType();
    }
    await this.names();
  }

  async #checkData({ schema, example }: EventType): Promise<void> {
    expectSmall('/schema', schema);
    expectSmall('/example', example);
    if (schema === null) return;
    const faults = await this.#dataSchemas.faults({ schema, example });
    if (faults.length === 0) return;
    throw new PosthornError('invalid_request', toldFirst(faults, { isBody: true }), { faults });
  }
}

function expectSmall(pointer: string, json: string | null): void {
  if (json === null) return;
  const bytes = utf8Length(json);
  if (bytes <= DESCRIPTION_BYTES_MAX) return;
  throw invalid(
    pointer,
    'too_large',
    `As JSON this has at most ${DESCRIPTION_BYTES_MAX} bytes; it has ${bytes}.`,
  );
}

function noSuchType(): PosthornError {
  return new PosthornError('not_found', 'There is no such event type.');
}
