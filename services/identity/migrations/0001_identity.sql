-- Users, sessions and API keys. Of every secret only the SHA-256 is kept.
-- A user's rows share the user's bucket. What must be unique over all buckets is the key of a table of its own.

CREATE TABLE users (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    email TEXT NOT NULL,
    -- A PHC string of Argon2id.
    password_hash TEXT NOT NULL,
    display_name TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE user_emails (
    -- Trimmed and lower-cased.
    email TEXT NOT NULL,
    -- The user's.
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    CONSTRAINT user_emails_email PRIMARY KEY (email)
);

CREATE TABLE sessions (
    secret_hash BYTEA PRIMARY KEY,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    -- Slides on with use.
    expire_time TIMESTAMPTZ NOT NULL,
    sign_out_time TIMESTAMPTZ,
    CONSTRAINT sessions_id UNIQUE (id)
);

CREATE INDEX sessions_expire_time ON sessions (expire_time);

CREATE TABLE api_keys (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    display_name TEXT NOT NULL,
    -- Whether the key acts only on the workspaces of its allow-list.
    scoped BOOLEAN NOT NULL,
    read_only BOOLEAN NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    last_used_time TIMESTAMPTZ,
    expire_time TIMESTAMPTZ,
    revoke_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, id)
);

CREATE INDEX api_keys_list ON api_keys (bucket, user_id, id DESC);

-- The allow-list of a scoped key.
CREATE TABLE api_key_workspaces (
    bucket SMALLINT NOT NULL,
    key_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    PRIMARY KEY (bucket, key_id, workspace_id),
    CONSTRAINT api_key_workspaces_key FOREIGN KEY (bucket, key_id) REFERENCES api_keys (bucket, id)
);

-- The secrets of keys: one that lives, or two while a rotation overlaps. Those that have ended are kept for a while, so
-- that they answer revoked or expired rather than invalid.
CREATE TABLE api_key_secrets (
    secret_hash BYTEA PRIMARY KEY,
    key_bucket SMALLINT NOT NULL,
    key_id UUID NOT NULL,
    -- The first characters after the prefix, for lists.
    shown TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    -- When an overlap ends; none: lives as long as the key.
    expire_time TIMESTAMPTZ,
    -- When it ended, set by a rotation. Its presence refuses the secret: no clock is asked.
    end_time TIMESTAMPTZ
);

CREATE INDEX api_key_secrets_key ON api_key_secrets (key_bucket, key_id)
    WHERE end_time IS NULL;

CREATE INDEX api_key_secrets_end_time ON api_key_secrets (end_time)
    WHERE end_time IS NOT NULL;

CREATE TABLE idempotency (
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    response BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, user_id, rpc, request_id)
);

CREATE INDEX idempotency_create_time ON idempotency (create_time);
