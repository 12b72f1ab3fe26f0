-- Apart from the one before: whoever has read the table and waits to write it would be waited for here.
drop index deliveries_by_event;
