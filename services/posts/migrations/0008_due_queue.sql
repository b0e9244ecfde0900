-- When a target was to be sent: its post's time, or the approval or the retry where that came later. How late it is counts from
-- then, whatever it was put off to since. NULL: written by an older version; it counts from due_time.
ALTER TABLE post_targets ADD COLUMN ready_time TIMESTAMPTZ;

-- The due targets of one account in their order, without the rows of others.
CREATE INDEX post_targets_due_of_account ON post_targets (bucket, account_id, due_time) WHERE due_time IS NOT NULL;
