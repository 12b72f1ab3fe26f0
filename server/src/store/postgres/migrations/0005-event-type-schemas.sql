-- A JSON Schema of an event type's data, and an example of it: JSON objects as text, null for none. An
-- older program leaves them as they are when it changes a description.
alter table event_types
add column schema text,
add column example text;
