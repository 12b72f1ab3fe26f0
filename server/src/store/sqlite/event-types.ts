import type { DatabaseSync } from 'node:sqlite';
import { pageOf, type Row, text } from '../rows.ts';
import type { Operations } from './operation-types.ts';

export function eventTypeOperations(
  db: DatabaseSync,
): Pick<Operations, 'listEventTypes' | 'eventTypeNames' | 'putEventType' | 'deleteEventType'> {
  const list = db.prepare(`
    select name, description
    from event_types
    where name > ?
    order by name
    limit ?
  `);
  const names = db.prepare('select name from event_types');
  const exists = db.prepare('select 1 from event_types where name = ?');
  const count = db.prepare('select count(*) as count from event_types');
  const put = db.prepare(`
    insert into event_types (name, description)
    values (?, ?)
    on conflict (name) do update set description = excluded.description
  `);

  const remove = db.prepare('delete from event_types where name = ?');

  return {
    listEventTypes({ limit, after = '' }) {
      return pageOf(list.all(after, limit + 1), limit, eventType);
    },
    eventTypeNames() {
      return names.all().map((row) => text(row, 'name'));
    },
    putEventType({ name, description }, { max }) {
      const known = exists.get(name) !== undefined;
      if (!known && Number(count.get()?.count) >= max) return 'too_many';
      put.run(name, description);
      return known ? 'updated' : 'created';
    },
    deleteEventType(name) {
      return remove.run(name).changes === 0 ? 'missing' : 'deleted';
    },
  };
}

function eventType(row: Row) {
  return { name: text(row, 'name'), description: text(row, 'description') };
}
