-- A JSON Schema of an event type's data, and an example of it: JSON objects as text, null for none.
alter table event_types add column schema text;
alter table event_types add column example text;
