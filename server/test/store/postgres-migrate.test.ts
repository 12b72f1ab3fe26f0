import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrate, readMigrations } from '../../src/store/postgres/migrate.ts';
import { freshDatabase, run } from '../support/postgres.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { bareType, NO_LIMIT } from './contract/fixtures.ts';
import { openPostgres } from './support/stores.ts';

/** What a program puts that knows no schemas yet. */
const OLD_PUT = `
  insert into event_types (name, description)
  values ('invoice.paid', 'An invoice was paid')
  on conflict (name) do update set description = excluded.description
`;

test('event types of the first version have no schema, and a node of it can still change them', async (t) => {
  const url = await freshDatabase({ after: (step) => cleanUp(t, step) });
  const migrations = readMigrations();
  await migrate(url, migrations.slice(0, 1));
  await run(url, OLD_PUT);
  assert.deepEqual(
    await migrate(url),
    migrations.slice(1).map(({ name }) => name),
  );
  const store = await openPostgres(url, () => {});
  cleanUp(t, () => store.close());
  const type = bareType('invoice.paid', 'An invoice was paid');
  assert.deepEqual(await store.getEventType(type.name), type);

  const described = { ...type, schema: '{}', example: '{"id":1}' };
  await store.putEventType({ ...described, description: 'Money came' }, { max: NO_LIMIT });
  await run(url, OLD_PUT);
  assert.deepEqual(await store.getEventType(type.name), described);
});
