-- Entries of followed logs that could not be handled, while later ones went on. Owned by the library
-- postbreeze-log-follower.
CREATE TABLE failed_log_entries (
    log TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- The id of what it is about, as the log tells it: later entries of the same wait behind it.
    subject TEXT NOT NULL,
    -- The entry as it came: the log may not keep it as long.
    entry BYTEA NOT NULL,
    attempts INTEGER NOT NULL,
    -- Why the last attempt failed.
    cause TEXT NOT NULL,
    -- When it was set aside.
    fail_time TIMESTAMPTZ NOT NULL,
    -- When it is tried next; none: it cannot be read, and waits for an operator.
    next_time TIMESTAMPTZ,
    PRIMARY KEY (log, position)
);

CREATE INDEX failed_log_entries_subject ON failed_log_entries (log, subject) WHERE next_time IS NOT NULL;
CREATE INDEX failed_log_entries_next ON failed_log_entries (log, next_time) WHERE next_time IS NOT NULL;
