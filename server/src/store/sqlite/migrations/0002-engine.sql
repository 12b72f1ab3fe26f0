-- What the delivery engine goes by: a webhook's own settings, the rotation of its secret, holds, what
-- its lane remembers, recoveries, and one index for each question about what is pending.

alter table webhooks add column ordering text not null default 'none';
alter table webhooks add column rate_limit_max integer;
alter table webhooks add column rate_limit_per_ms integer;
alter table webhooks add column concurrency_max integer;
-- Milliseconds, as JSON.
alter table webhooks add column retry_schedule text;
alter table webhooks add column on_gone text;
-- The secret before this one, while receivers may still go by it.
alter table webhooks add column secret_before_sealed text;
alter table webhooks add column secret_before_until integer;
alter table webhooks add column secret_prefers_new integer not null default 0;
-- Nothing is sent before: the receiver asked for it.
alter table webhooks add column held_until integer;

create index webhooks_in_rotation on webhooks (secret_before_until)
where secret_before_until is not null;

alter table deliveries add column attempt_note text;
alter table attempts add column note text;

-- What was never tried is due at once, in the order of acceptance. An ordinary delivery is in this index
-- from its publish to its first settlement, and in no other of these.
create index deliveries_fresh on deliveries (account_id, webhook_id, seq)
where status = 'pending' and attempt_count = 0;
create index deliveries_retry on deliveries (account_id, webhook_id, due_at, seq)
where status = 'pending' and attempt_count > 0;
-- For strict lanes, which go on in the order of acceptance whatever is due.
create index deliveries_retry_by_seq on deliveries (account_id, webhook_id, seq)
where status = 'pending' and attempt_count > 0;
drop index deliveries_pending;

-- The engine's own notes about a webhook's receiver; coarse, and written now and then.
create table lanes (
  account_id text not null,
  webhook_id text not null,
  health text not null,
  usual_ms integer,
  failing_since integer,
  failed_attempts integer not null,
  primary key (account_id, webhook_id)
) strict, without rowid;

create table recoveries (
  account_id text not null,
  id text not null,
  webhook_id text not null,
  since integer not null,
  until integer not null,
  -- The id of the last event that was looked at.
  position text not null,
  status text not null,
  delivery_count integer not null,
  created_at integer not null,
  ended_at integer,
  primary key (account_id, id)
) strict, without rowid;

create index recoveries_running on recoveries (account_id, webhook_id)
where status = 'running';

-- Whether the newest run of the engine ended with nothing in progress.
create table engine_run (
  id integer primary key check (id = 1),
  drained integer not null
) strict;

insert into engine_run (id, drained)
values (1, 0);
