-- Settings, a rotation and a hold of each webhook; what its lane remembers; recoveries; notes of
-- attempts; and the indexes of what is pending.

alter table webhooks add column ordering text not null default 'none';
alter table webhooks add column rate_limit_max integer;
alter table webhooks add column rate_limit_per_ms integer;
alter table webhooks add column concurrency_max integer;
-- A JSON array of milliseconds.
alter table webhooks add column retry_schedule text;
alter table webhooks add column on_gone text;
alter table webhooks add column secret_before_sealed text;
alter table webhooks add column secret_before_until integer;
alter table webhooks add column secret_prefers_new integer not null default 0;
alter table webhooks add column held_until integer;

create index webhooks_rotating on webhooks (secret_before_until)
where secret_before_until is not null;

create table lanes (
  account_id text not null,
  webhook_id text not null,
  health text not null,
  usual_ms integer,
  failing_since integer,
  failed_attempts integer not null,
  primary key (account_id, webhook_id)
) strict, without rowid;

alter table deliveries add column attempt_note text;
alter table attempts add column note text;

-- `position` is the event that was looked at last, or where the span begins.
create table recoveries (
  account_id text not null,
  id text not null,
  webhook_id text not null,
  since integer not null,
  until integer not null,
  position text not null,
  status text not null,
  delivery_count integer not null default 0,
  created_at integer not null,
  ended_at integer,
  primary key (account_id, id)
) strict, without rowid;

create unique index recoveries_running on recoveries (account_id, webhook_id)
where status = 'running';

-- Whether the newest run of the engine ended with nothing in progress.
create table engine_run (
  id integer primary key check (id = 1),
  drained integer not null
) strict;

insert into engine_run (id, drained)
values (1, 0);

-- What was never tried is due at once. An ordinary delivery is entered in one of these when it is
-- published, and taken out when its first attempt has ended; only a failure pays for the others.
drop index deliveries_pending;

create index deliveries_fresh on deliveries (account_id, webhook_id, seq)
where status = 'pending' and attempt_count = 0;

-- `attempt_count` is there so that counting needs no look at the rows.
create index deliveries_retry on deliveries (account_id, webhook_id, due_at, seq, attempt_count)
where status = 'pending' and attempt_count > 0;

create index deliveries_retry_by_seq on deliveries (account_id, webhook_id, seq)
where status = 'pending' and attempt_count > 0;
