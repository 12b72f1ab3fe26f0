import type { DatabaseSync } from 'node:sqlite';
import { EVENT_TYPE_COLUMNS, eventType } from '../event-type-rows.ts';
import { pageOf, text } from '../rows.ts';
import type { Operations } from './operation-types.ts';

export function eventTypeOperations(
  db: DatabaseSync,
): Pick<
  Operations,
  'listEventTypes' | 'getEventType' | 'eventTypeNames' | 'putEventType' | 'deleteEventType'
> {
  const list = db.prepare(`
    select ${EVENT_TYPE_COLUMNS}
    from event_types
    where name > ?
    order by name
    limit ?
  `);
  const get = db.prepare(`
    select ${EVENT_TYPE_COLUMNS}
    from event_types
    where name = ?
  `);
  const names = db.prepare('select name from event_types');
  const exists = db.prepare('select 1 from event_types where name = ?');
  const count = db.prepare('select count(*) as count from event_types');
  const put = db.prepare(`
    insert into event_types (name, description, schema, example)
    values (?, ?, ?, ?)
    on conflict (name) do update
    set
      description = excluded.description,
      schema = excluded.schema,
      example = excluded.example
  `);
  const remove = db.prepare('delete from event_types where name = ?');

  return {
    listEventTypes({ limit, after = '' }) {
      return pageOf(list.all(after, limit + 1), limit, eventType);
    },
    getEventType(name) {
      const row = get.get(name);
      return row === undefined ? null : eventType(row);
    },
    eventTypeNames() {
      return names.all().map((row) => text(row, 'name'));
    },
    putEventType({ name, description, schema, example }, { max }) {
      const known = exists.get(name) !== undefined;
      if (!known && Number(count.get()?.count) >= max) return 'too_many';
      put.run(name, description, schema, example);
      return known ? 'updated' : 'created';
    },
    deleteEventType(name) {
      return remove.run(name).changes === 0 ? 'missing' : 'deleted';
    },
  };
}
