-- What webhooks are told of (the outbox), the webhooks, and what was delivered to them.

-- An event is written in the transaction of the fact. A relay makes deliveries of each, once.
ALTER TABLE events
    -- A JSON object: the ids of what it is about. None: an earlier version wrote the event, of the post `subject_id`.
    ADD COLUMN data TEXT,
    -- When its deliveries were made; none: not yet.
    ADD COLUMN relay_time TIMESTAMPTZ,
    -- Written by earlier versions alone.
    ALTER COLUMN payload_version SET DEFAULT 1;

-- Nobody was to be told of what has happened so far.
UPDATE events SET relay_time = create_time;

CREATE INDEX events_waiting ON events (id) WHERE relay_time IS NULL;
CREATE INDEX events_create_time ON events (create_time);

CREATE TABLE webhooks (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    display_name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Kinds of events.
    event_kinds TEXT[] NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- It is told of what happened since.
    enable_time TIMESTAMPTZ NOT NULL,
    -- When the URL answered 410, which turned it off.
    gone_time TIMESTAMPTZ,
    -- No delivery of it is due before this; none: none is pending. Written by whoever holds the row locked and changes its
    -- deliveries, so that many deliveries of one webhook hide no other's.
    due_time TIMESTAMPTZ,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- Gone for everyone; what is left of it is swept.
    delete_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, id)
);

CREATE INDEX webhooks_list ON webhooks (bucket, workspace_id, id DESC) WHERE delete_time IS NULL;
CREATE INDEX webhooks_due ON webhooks (due_time) WHERE due_time IS NOT NULL AND delete_time IS NULL;
CREATE INDEX webhooks_deleted ON webhooks (delete_time) WHERE delete_time IS NOT NULL;

-- Kept apart from the webhooks, so that no query for a webhook can bring a secret along. Encrypted with AES-256-GCM under
-- the key of the configuration, bound to the webhook and the number. At most two: one that lives, one whose overlap ends.
CREATE TABLE webhook_secrets (
    bucket SMALLINT NOT NULL,
    webhook_id UUID NOT NULL,
    -- From 1, one more with each rotation.
    number INTEGER NOT NULL,
    -- The first characters after the prefix.
    shown TEXT NOT NULL,
    -- Nonce, then ciphertext and tag.
    sealed BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    -- When its overlap ends; none: it is the current one.
    expire_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, webhook_id, number)
);

CREATE INDEX webhook_secrets_expire_time ON webhook_secrets (expire_time) WHERE expire_time IS NOT NULL;

CREATE TABLE webhook_deliveries (
    bucket SMALLINT NOT NULL,
    webhook_id UUID NOT NULL,
    event_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Every attempt has a number of its own: an outcome is written only by the attempt that is the newest.
    attempt_count INTEGER NOT NULL DEFAULT 0,
    -- Attempts that failed since it last became pending.
    failure_count INTEGER NOT NULL DEFAULT 0,
    -- When the next attempt is due, or the one under way is given up; none: it is not pending.
    next_time TIMESTAMPTZ,
    -- Whether an attempt is under way, until `next_time` at the longest.
    leased BOOLEAN NOT NULL DEFAULT FALSE,
    -- No attempt is made after it, but for a first one.
    give_up_time TIMESTAMPTZ NOT NULL,
    last_attempt_time TIMESTAMPTZ,
    -- HTTP status.
    last_status INTEGER,
    last_error TEXT NOT NULL DEFAULT '',
    -- The event's.
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, webhook_id, event_id),
    CONSTRAINT webhook_deliveries_status CHECK (status IN ('pending', 'delivered', 'dead')),
    CONSTRAINT webhook_deliveries_pending CHECK ((status = 'pending') = (next_time IS NOT NULL))
);

CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (bucket, webhook_id, next_time) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_create_time ON webhook_deliveries (create_time);
