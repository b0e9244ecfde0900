-- What speaking with the networks needs: tokens that are refreshed, sendings that go on where they stood, the log of what
-- happened to accounts, and the network inside the system.

-- The account's own server, on networks that have many; empty elsewhere.
ALTER TABLE accounts ADD COLUMN server_url TEXT NOT NULL DEFAULT '';

ALTER TABLE connect_states
    ADD COLUMN server_url TEXT NOT NULL DEFAULT '',
    -- Which configured key the verifier of PKCE is derived with; null: the current one.
    ADD COLUMN key_id BYTEA;

-- Tokens are sealed with the row's own data key, which is wrapped by a configured key. A row without a data key was sealed
-- with the configured key itself; it opens, and is converted when it is written or wrapped anew.
ALTER TABLE account_tokens
    ADD COLUMN refresh_token BYTEA,
    ADD COLUMN data_key BYTEA,
    -- The first 8 bytes of the SHA-256 of the configured key.
    ADD COLUMN key_id BYTEA,
    ADD COLUMN expire_time TIMESTAMPTZ,
    -- When to refresh ahead of expiry; null: never.
    ADD COLUMN refresh_time TIMESTAMPTZ,
    ADD COLUMN refresh_failures INTEGER NOT NULL DEFAULT 0,
    -- Who raised `version` to take the lease refreshes, until then; no lock is held over the call to the network.
    ADD COLUMN lease_until TIMESTAMPTZ,
    ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

CREATE INDEX account_tokens_refresh_time ON account_tokens (refresh_time) WHERE refresh_time IS NOT NULL;
CREATE INDEX account_tokens_key_id ON account_tokens (key_id);

-- How far a sending has come that takes several steps, so that the next try goes on from there and sends nothing twice.
CREATE TABLE sendings (
    bucket SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    key TEXT NOT NULL,
    -- JSON that its network's own code reads and writes; empty: it was only begun.
    progress TEXT NOT NULL,
    last_attempt_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, account_id, key)
);

CREATE INDEX sendings_last_attempt_time ON sendings (last_attempt_time);

-- This system as an app of a Mastodon server, registered when the first account of that server is connected.
CREATE TABLE mastodon_apps (
    server_url TEXT NOT NULL,
    redirect_url TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- Sealed with a configured key, whose id it begins with.
    client_secret BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (server_url, redirect_url)
);

-- Positions come from this one row, locked until the transaction commits: the order of positions is the order of commits.
CREATE TABLE account_log_head (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    position BIGINT NOT NULL
);

INSERT INTO account_log_head (position) VALUES (0);

CREATE TABLE account_log (
    position BIGINT PRIMARY KEY,
    account_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    platform SMALLINT NOT NULL,
    handle TEXT NOT NULL,
    event TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    CONSTRAINT account_log_event CHECK (event IN ('connected', 'expired', 'revoked', 'disconnected'))
);

CREATE INDEX account_log_create_time ON account_log (create_time);

-- SANDBOX. How it answers for an account: an encoded postbreeze.v1.SandboxBehavior. No row: it accepts everything at once.
CREATE TABLE sandbox_behaviors (
    bucket SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    behavior BYTEA NOT NULL,
    PRIMARY KEY (bucket, account_id)
);

-- Every call it received. The ones it accepted are what it has: a key that was sent twice is there twice.
CREATE TABLE sandbox_calls (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    -- Number of postbreeze.v1.SandboxCallKind.
    kind SMALLINT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    accepted BOOLEAN NOT NULL,
    -- Number of postbreeze.v1.SandboxFault.
    fault SMALLINT NOT NULL,
    external_post_id TEXT NOT NULL,
    media_content_types TEXT[] NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE INDEX sandbox_calls_list ON sandbox_calls (bucket, account_id, id DESC);
CREATE INDEX sandbox_calls_accepted ON sandbox_calls (bucket, account_id, key) WHERE accepted;
CREATE INDEX sandbox_calls_create_time ON sandbox_calls (create_time);

-- What others wrote there.
CREATE TABLE sandbox_comments (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    external_post_id TEXT NOT NULL,
    author_handle TEXT NOT NULL,
    body TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE INDEX sandbox_comments_list ON sandbox_comments (bucket, account_id, external_post_id, id DESC);
CREATE INDEX sandbox_comments_create_time ON sandbox_comments (create_time);
