import type { DatabaseSync } from 'node:sqlite';
import type { Migration } from '../../../src/store/migrations.ts';

/** What a later version may do to a table that is full: a column, its values, an index, a new table. */
export const LATER_MIGRATION: Migration = {
  number: 9_000,
  name: '9000-later',
  checksum: 'later',
  sql: `
    alter table events add column region text;

    update events
    set region = 'eu';

    create index events_by_region on events (region);

    create table regions (
      name text primary key
    ) strict;

    insert into regions (name)
    select distinct region
    from events;

    drop index deliveries_fresh;
  `,
};

export const CHANGED_TABLES = ['accounts', 'event_types', 'events', 'deliveries', 'attempts'];

export function fill(db: DatabaseSync): void {
  db.exec('begin');
  const event = db.prepare(`
    insert into events (account_id, id, type, created_at, body)
    values ('default', ?, 'user.created', ?, ?)
  `);
  const delivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at)
    values ('default', ?, 'webhook', ?, 'user.created', 'schedule', 'pending', ?, ?)
  `);
  for (let number = 0; number < 2_000; number += 1) {
    const id = String(number).padStart(8, '0');
    event.run(id, number, `{"number":${number}}`.padEnd(300));
    delivery.run(id, id, number, number);
  }
  db.exec('commit');
}
