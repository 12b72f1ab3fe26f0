-- Ids are kept without their prefix, so that they sort by time whatever their kind.
-- Times are Unix milliseconds.

create table accounts (
  id text primary key,
  created_at integer not null,
  -- Grows with each change that decides which webhooks an event goes to.
  webhooks_version integer not null default 0
) strict, without rowid;

-- Reference table: one catalogue for the installation.
create table event_types (
  name text primary key,
  description text not null
) strict, without rowid;

create table webhooks (
  account_id text not null,
  id text not null,
  url text not null,
  events text not null,
  description text not null,
  status text not null,
  disabled_reason text,
  secret_sealed text not null,
  secret_hint text not null,
  created_at integer not null,
  updated_at integer not null,
  deleted_at integer,
  primary key (account_id, id)
) strict, without rowid;

create table events (
  account_id text not null,
  id text not null,
  test integer not null default 0,
  type text not null,
  created_at integer not null,
  body text not null
) strict;

create unique index events_by_id on events (account_id, id);

-- `pending` with a due time is the whole truth about what is to be done. The attempt_… columns are
-- the newest attempt; the ones before it are in `attempts`.
create table deliveries (
  seq integer primary key,
  account_id text not null,
  id text not null,
  webhook_id text not null,
  event_id text not null,
  test integer not null default 0,
  event_type text not null,
  "trigger" text not null,
  status text not null,
  created_at integer not null,
  due_at integer,
  cancel_reason text,
  attempt_count integer not null default 0,
  attempt_id text,
  attempt_started_at integer,
  attempt_response_code integer,
  attempt_response_time_ms integer,
  attempt_response_body text,
  attempt_failure text
) strict;

create unique index deliveries_by_id on deliveries (account_id, id);
create index deliveries_by_webhook on deliveries (account_id, webhook_id, id);
create index deliveries_by_event on deliveries (account_id, event_id, id);
create index deliveries_pending on deliveries (account_id, webhook_id, due_at, seq)
where status = 'pending';

create table attempts (
  account_id text not null,
  delivery_id text not null,
  id text not null,
  number integer not null,
  started_at integer not null,
  response_code integer,
  response_time_ms integer,
  response_body text,
  failure text,
  primary key (account_id, delivery_id, id)
) strict, without rowid;

-- What makes a call happen once. `status` is null while a call with I/O of its own is in progress.
create table idempotency (
  account_id text not null,
  key text not null,
  fingerprint text not null,
  status integer,
  body text not null,
  sealed integer not null,
  created_at integer not null,
  expires_at integer not null,
  primary key (account_id, key)
) strict, without rowid;

create index idempotency_by_expiry on idempotency (expires_at);

-- Proves at the start that the encryption key is the one this data was written with.
create table vault_check (
  id integer primary key check (id = 1),
  sealed text not null
) strict;

insert into accounts (id, created_at)
values ('default', unixepoch() * 1000);

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
