-- The database of the media service. Its RPCs are not served yet, so it has no tables.
SELECT 1;
