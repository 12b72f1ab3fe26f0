-- How many deliveries were left for each webhook of a wake: its owner counts them against the limit of
-- what may be pending. Null in what an older program leaves.
alter table wakes
add column counts integer[];
