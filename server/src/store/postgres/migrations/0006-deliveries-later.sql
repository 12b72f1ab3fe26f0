-- The deliveries of an event that were made with it are found by their own ids, which begin as the event's
-- does. Only the others need an index: those that were asked for later, and those of older programs.
create index deliveries_later on deliveries (account_id, event_id, id)
where substr(id, 1, 10) <> substr(event_id, 1, 10);
