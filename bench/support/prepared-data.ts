// Data files with very much in them: the server makes a few rows, and SQL makes many of them. Each new
// row is a copy of one that the server wrote, but for what has to differ: columns that the bench does
// not know are as the server left them.
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as after } from 'node:timers/promises';
import { copyDataDir, countDeliveries, type DataDir, openData } from './data-dir.ts';
import { monotonicMs } from './monotonic.ts';
import { type ServerOptions, ServerProcess } from './server-process.ts';

/** Of the catalogue, and not what the bench publishes afterwards. */
const DEAD_TYPE = 'project.deleted';
/** The port of a service that nobody runs, below those that the system gives away. */
const DEAD_URL = 'http://127.0.0.1:1/dead';
const ATTEMPT_LIMIT_MS = 10_000;
const ATTEMPT_POLL_MS = 10;
/** Of the made rows' ids, which keep the time of the one they are copied from. */
const ID_TIME_CHARS = 10;
const ID_REST_CHARS = 14;

/**
 * Pending deliveries of dead webhooks: half of them never tried; of the others, tried once, half are
 * due now and half within the hours to come.
 */
export async function prepareBacklog(
  options: ServerOptions,
  { webhooks, deliveries }: { webhooks: number; deliveries: number },
): Promise<DataDir & { pending: number }> {
  const settings = { POSTHORN_WEBHOOKS_MAX: String(webhooks + 1) };
  await using server = await ServerProcess.start({ ...options, settings });
  await makePatterns(server);
  await server.api.createWebhooks(
    Array.from({ length: webhooks }, (_, index) => ({
      url: `${DEAD_URL}/${index}`,
      events: [DEAD_TYPE],
    })),
  );
  const data = copyDataDir(await server.stop(), options.directory);
  fill(data, (db) => fillBacklog(db, { webhooks, deliveries }));
  const { pending = 0 } = countDeliveries(data);
  if (pending < deliveries) throw new Error(`only ${pending} deliveries are pending`);
  return { ...data, pending };
}

/** Webhooks that nothing is published for, spread evenly over accounts. */
export async function prepareIdle(
  options: ServerOptions,
  { webhooks, accounts }: { webhooks: number; accounts: number },
): Promise<DataDir> {
  await using server = await ServerProcess.start(options);
  await server.api.createWebhooks([{ url: DEAD_URL, events: [DEAD_TYPE] }]);
  const data = copyDataDir(await server.stop(), options.directory);
  fill(data, (db) => fillIdle(db, { webhooks, accounts }));
  return data;
}

/** One webhook, which stays paused, with one delivery that was tried once and one that was not. */
async function makePatterns({ api }: ServerProcess): Promise<void> {
  const [id = ''] = await api.createWebhooks([{ url: DEAD_URL, events: [DEAD_TYPE] }]);
  await api.publish(DEAD_TYPE, 1);
  const endAt = monotonicMs() + ATTEMPT_LIMIT_MS;
  while ((await api.attemptsOfNewest(id)) === 0) {
    if (monotonicMs() > endAt) throw new Error('the first attempt did not come');
    await after(ATTEMPT_POLL_MS);
  }
  await api.pauseWebhook(id);
  await api.publish(DEAD_TYPE, 1);
}

function fill(data: DataDir, make: (db: DatabaseSync) => void): void {
  using db = openData(data.path, { readOnly: false });
  // Without a log: it would be as large as what is written.
  db.exec('pragma journal_mode = off');
  db.exec('pragma synchronous = off');
  db.exec('begin');
  make(db);
  db.exec('commit');
  db.exec('pragma journal_mode = wal');
}

/** Each event is for every dead webhook, so its deliveries lie beside one another, as when published. */
function fillBacklog(db: DatabaseSync, of: { webhooks: number; deliveries: number }): void {
  const { webhooks, deliveries } = of;
  db.exec(`
    create temp table dead as
    select row_number() over (order by id) - 1 as number, id
    from webhooks
    where status = 'active'
  `);
  db.exec('create unique index temp.dead_by_number on dead (number)');
  db.exec(`
    create temp table patterns as
    select iif(attempt_count = 0, 'untried', 'tried') as name, *
    from deliveries
  `);
  db.exec(`
    create temp table pattern_events as
    select events.*
    from events
    join patterns on patterns.event_id = events.id and patterns.name = 'untried'
  `);
  const eventId = newId('pattern_events.id', 'number.value');
  insertCopies(db, {
    table: 'events',
    from: `${numbersTo(Math.ceil(deliveries / webhooks))} join pattern_events`,
    pattern: 'pattern_events',
    changes: { id: eventId, body: `replace(pattern_events.body, pattern_events.id, ${eventId})` },
  });
  const event = `(number.value / ${webhooks})`;
  const lastSeq = Number(db.prepare('select max(seq) as seq from deliveries').get()?.seq ?? 0);
  insertCopies(db, {
    table: 'deliveries',
    from: `${numbersTo(deliveries)}
      join pattern_events
      join dead on dead.number = number.value % ${webhooks}
      join patterns on patterns.name = iif(${event} % 4 < 2, 'untried', 'tried')`,
    pattern: 'patterns',
    changes: {
      seq: `${lastSeq} + 1 + number.value`,
      id: newId('patterns.id', 'number.value'),
      webhook_id: 'dead.id',
      event_id: newId('pattern_events.id', event),
      due_at: `iif(
        ${event} % 4 < 3,
        patterns.created_at,
        patterns.created_at + 3600000 + (number.value * 7919) % 21600000
      )`,
    },
  });
}

/** The first account is the one that the server made. */
function fillIdle(db: DatabaseSync, of: { webhooks: number; accounts: number }): void {
  const accountId = (number: string) =>
    `iif(${number} = 0, pattern.account_id, printf('bench%04d', ${number}))`;
  db.exec('create temp table pattern as select * from webhooks');
  db.exec('create temp table pattern_accounts as select * from accounts');
  insertCopies(db, {
    table: 'accounts',
    from: `${numbersTo(of.accounts)} join pattern join pattern_accounts
      on pattern_accounts.id = pattern.account_id and number.value > 0`,
    pattern: 'pattern_accounts',
    changes: { id: accountId('number.value') },
  });
  insertCopies(db, {
    table: 'webhooks',
    from: `${numbersTo(of.webhooks)} join pattern`,
    pattern: 'pattern',
    changes: {
      account_id: accountId(`(number.value % ${of.accounts})`),
      id: newId('pattern.id', 'number.value'),
    },
  });
}

/** Copies of `pattern`, which has the columns of the table, one for each row of `from`. */
function insertCopies(
  db: DatabaseSync,
  of: { table: string; from: string; pattern: string; changes: Record<string, string> },
): void {
  const columns = db
    .prepare(`pragma table_info(${of.table})`)
    .all()
    .map(({ name }) => String(name));
  const unknown = Object.keys(of.changes).find((name) => !columns.includes(name));
  if (unknown !== undefined) throw new Error(`${of.table} has no column ${unknown} any more`);
  const values = columns.map((name) => of.changes[name] ?? `${of.pattern}."${name}"`);
  db.exec(`
    insert into ${of.table} (${columns.map((name) => `"${name}"`).join(', ')})
    select ${values.join(', ')}
    from ${of.from}
  `);
}

/** A table of the numbers from 0 up to this one, exclusive. */
function numbersTo(count: number): string {
  return `(
    with recursive numbers (value) as (
      values (0)
      union all
      select value + 1
      from numbers
      where value + 1 < ${count}
    )
    select value
    from numbers
  ) as number`;
}

function newId(of: string, number: string): string {
  return `substr(${of}, 1, ${ID_TIME_CHARS}) || printf('%0${ID_REST_CHARS}d', ${number})`;
}
