-- What the migrations 0001 to 0003 are for SQLite. Ids are kept without their prefix and compared as
-- bytes, so that they sort by time whatever their kind. Times are Unix milliseconds, but for leases,
-- which only the database's clock measures. Every table of customers' data has the account first in
-- its primary key; no foreign keys, no triggers.

create table accounts (
  id text collate "C" primary key,
  created_at bigint not null,
  -- Grows with each change that decides which webhooks an event goes to.
  webhooks_version bigint not null default 0
)
with (fillfactor = 50);

-- Reference table: one catalogue for the installation.
create table event_types (
  name text collate "C" primary key,
  description text not null
);

create table webhooks (
  account_id text collate "C" not null,
  id text collate "C" not null,
  url text not null,
  events text not null,
  description text not null,
  status text not null,
  disabled_reason text,
  secret_sealed text not null,
  secret_hint text not null,
  secret_before_sealed text,
  secret_before_until bigint,
  secret_prefers_new smallint not null default 0,
  held_until bigint,
  ordering text not null default 'none',
  rate_limit_max integer,
  rate_limit_per_ms bigint,
  -- Since when `sent_at` is written for its deliveries; null while it has no limit.
  rate_limited_since bigint,
  concurrency_max integer,
  -- A JSON array of milliseconds.
  retry_schedule text,
  on_gone text,
  created_at bigint not null,
  updated_at bigint not null,
  deleted_at bigint,
  primary key (account_id, id)
)
with (fillfactor = 70);

create index webhooks_rotating on webhooks (secret_before_until)
where secret_before_until is not null;

create index webhooks_rate_limited on webhooks (account_id, id)
where rate_limited_since is not null;

create table lanes (
  account_id text collate "C" not null,
  webhook_id text collate "C" not null,
  health text not null,
  usual_ms integer,
  failing_since bigint,
  failed_attempts integer not null,
  primary key (account_id, webhook_id)
)
with (fillfactor = 70);

create table events (
  account_id text collate "C" not null,
  id text collate "C" not null,
  test smallint not null default 0,
  type text not null,
  created_at bigint not null,
  body text not null,
  primary key (account_id, id)
);

-- The attempt_… columns are the newest attempt; the ones before it are in `attempts`. No index has a
-- column that an attempt changes (but for `sent_at`, where a webhook has a rate limit), and a page has
-- room for a second and longer version of all its rows, which one transaction may write: settling then
-- touches no index at all.
create table deliveries (
  account_id text collate "C" not null,
  id text collate "C" not null,
  webhook_id text collate "C" not null,
  event_id text collate "C" not null,
  test smallint not null default 0,
  event_type text not null,
  "trigger" text not null,
  status text not null,
  created_at bigint not null,
  due_at bigint,
  cancel_reason text,
  attempt_count integer not null default 0,
  attempt_id text collate "C",
  attempt_started_at bigint,
  attempt_response_code integer,
  attempt_response_time_ms integer,
  attempt_response_body text,
  attempt_failure text,
  attempt_note text,
  -- When the newest attempt began, once more, where its webhook has a rate limit.
  sent_at bigint,
  primary key (account_id, id)
)
with (fillfactor = 45);

create index deliveries_by_webhook on deliveries (account_id, webhook_id, id);
create index deliveries_by_event on deliveries (account_id, event_id, id);
create index deliveries_sent on deliveries (account_id, webhook_id, sent_at)
where sent_at is not null;

-- The order of acceptance.
create sequence seq;

-- A delivery is pending exactly while it has a row here: this narrow table is all that finding work
-- reads. `due_at` is 0 for what was never tried; only a failed attempt changes it.
create table pending (
  account_id text collate "C" not null,
  webhook_id text collate "C" not null,
  seq bigint not null default nextval('seq'),
  delivery_id text collate "C" not null,
  due_at bigint not null default 0,
  primary key (account_id, delivery_id)
)
with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 20000
);

create index pending_due on pending (account_id, webhook_id, due_at, seq);

-- In the order of acceptance: what was never tried is in that order in the index above.
create index pending_tried on pending (account_id, webhook_id, seq)
where due_at > 0;

create table attempts (
  account_id text collate "C" not null,
  delivery_id text collate "C" not null,
  id text collate "C" not null,
  number integer not null,
  started_at bigint not null,
  response_code integer,
  response_time_ms integer,
  response_body text,
  failure text,
  note text,
  primary key (account_id, delivery_id, id)
);

-- `position` is the event that was looked at last, or where the span begins.
create table recoveries (
  account_id text collate "C" not null,
  id text collate "C" not null,
  webhook_id text collate "C" not null,
  since bigint not null,
  until bigint not null,
  position text collate "C" not null,
  status text not null,
  delivery_count bigint not null default 0,
  created_at bigint not null,
  ended_at bigint,
  primary key (account_id, id)
)
with (fillfactor = 70);

create unique index recoveries_running on recoveries (account_id, webhook_id)
where status = 'running';

-- What makes a call happen once. `status` is null while a call with I/O of its own is in progress.
create table idempotency (
  account_id text collate "C" not null,
  key text collate "C" not null,
  fingerprint text not null,
  status integer,
  body text not null,
  sealed smallint not null,
  created_at bigint not null,
  expires_at bigint not null,
  primary key (account_id, key)
);

create index idempotency_by_expiry on idempotency (expires_at);

-- Proves at the start that the encryption key is the one this data was written with.
create table vault_check (
  id smallint primary key check (id = 1),
  sealed text not null
);

-- Whether the newest run of the engine ended with nothing in progress.
create table engine_run (
  id smallint primary key check (id = 1),
  drained smallint not null
);

-- Node: a process that delivers, as long as its lease goes on.
create table nodes (
  id text collate "C" primary key,
  lease_until timestamptz not null
)
with (fillfactor = 50);

-- Reference table: which node owns which slice of the webhooks. The epoch grows with each owner.
create table shards (
  shard integer primary key,
  epoch bigint not null default 0,
  owner text collate "C",
  -- The owner before gave it up with nothing in progress.
  drained boolean not null default true
)
with (fillfactor = 50);

-- What was left for the owner of a shard: written once, read and deleted by it.
create table wakes (
  id bigint generated always as identity primary key,
  shard integer not null,
  kind text not null,
  account_ids text[] collate "C" not null,
  webhook_ids text[] collate "C" not null
)
with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);

create index wakes_of_shard on wakes (shard, id);

insert into shards (shard)
select generate_series(0, 63);

insert into engine_run (id, drained)
values (1, 0);

insert into accounts (id, created_at)
values ('default', floor(extract(epoch from now()) * 1000));

insert into event_types (name, description)
values
  ('user.created', 'A new user was created'),
  ('user.updated', 'A user was updated'),
  ('user.deleted', 'A user was deleted'),
  ('project.created', 'A new project was created'),
  ('project.updated', 'A project was updated'),
  ('project.deleted', 'A project was deleted'),
  ('team.member.added', 'A member was added to a team'),
  ('team.member.removed', 'A member was removed from a team'),
  ('team.member.role_changed', 'A member''s role was changed');
