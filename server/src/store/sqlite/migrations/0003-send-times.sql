-- When the newest attempt of a delivery began, once more, where its webhook has a rate limit: the index
-- of it answers at once how many were sent within a span, and costs other webhooks nothing.
alter table deliveries add column sent_at integer;

create index deliveries_sent on deliveries (account_id, webhook_id, sent_at)
where sent_at is not null;

-- Since when `sent_at` is written for its deliveries; null while it has no limit.
alter table webhooks add column rate_limited_since integer;

create index webhooks_rate_limited on webhooks (account_id, id)
where rate_limited_since is not null;

update webhooks
set rate_limited_since = unixepoch() * 1000
where rate_limit_max is not null;
