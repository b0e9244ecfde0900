-- Social accounts, their tokens, and the connections that are being made.
-- `bucket` leads every key: a row lives on the shard that its id names.

CREATE TABLE accounts (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    -- Number of postbreeze.v1.Platform, stable by the wire's rules.
    platform SMALLINT NOT NULL,
    external_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    display_name TEXT NOT NULL,
    avatar_url TEXT NOT NULL,
    status TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    connect_time TIMESTAMPTZ NOT NULL,
    token_expire_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, id),
    CONSTRAINT accounts_status CHECK (status IN ('active', 'token_expired', 'revoked', 'disconnected'))
);

-- One account per platform and workspace, whatever runs at once; disconnected ones are history.
CREATE UNIQUE INDEX accounts_one_per_platform ON accounts (bucket, workspace_id, platform)
    WHERE status <> 'disconnected';

-- Lists: newest first within a workspace.
CREATE INDEX accounts_list ON accounts (bucket, workspace_id, id DESC);

-- Kept apart from the accounts, so that no query for an account can bring a token along. Encrypted with AES-256-GCM
-- under the key of the configuration, bound to the account's id.
CREATE TABLE account_tokens (
    bucket SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    -- Nonce, then ciphertext and tag.
    access_token BYTEA NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, account_id),
    CONSTRAINT account_tokens_account FOREIGN KEY (bucket, account_id) REFERENCES accounts (bucket, id)
);

-- Upper bounds of the newest row of each workspace: a list asks only the workspaces that can hold its page. Whoever
-- connects writes the head first, and whoever releases a deleted workspace too.
CREATE TABLE account_heads (
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    last_id UUID NOT NULL,
    -- When the workspace's deletion was learnt of: from then on nothing is connected to it.
    delete_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, workspace_id)
) WITH (fillfactor = 50);

CREATE INDEX account_heads_workspace ON account_heads (workspace_id);

-- Connections being made. Only the hash of a state is kept; the row goes when it is used.
CREATE TABLE connect_states (
    state_hash BYTEA PRIMARY KEY,
    user_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    platform SMALLINT NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL
);

CREATE INDEX connect_states_expire_time ON connect_states (expire_time);

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

-- How far this service has read the log of the workspaces service.
CREATE TABLE workspace_log_position (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    position BIGINT NOT NULL
);

INSERT INTO workspace_log_position (position) VALUES (0);
