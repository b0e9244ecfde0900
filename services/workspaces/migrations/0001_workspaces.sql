-- Rows are locked in this order: the workspace, its members, its invitations, the head of the log. Whatever changes who
-- may do what in a workspace locks the workspace's row first.

-- One brand each. `bucket` is that of the user who created it, so that what one owner has lies together.
CREATE TABLE workspaces (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    brand_color TEXT NOT NULL,
    logo_url TEXT NOT NULL,
    require_approval BOOLEAN NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    delete_time TIMESTAMPTZ,
    CONSTRAINT workspaces_pkey PRIMARY KEY (bucket, id)
);
COMMENT ON TABLE workspaces IS
    'Deletion is soft: other services still hold rows of it. The owner is the member whose role is owner, and no column here.';

-- A slug is unique over all buckets and for ever, so it is the key of a table of its own whose rows are never deleted.
CREATE TABLE workspace_slugs (
    slug TEXT NOT NULL,
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    CONSTRAINT workspace_slugs_pkey PRIMARY KEY (slug)
);
COMMENT ON TABLE workspace_slugs IS 'Slugs outlive their workspaces: a link to a deleted one must not lead to another.';

CREATE TABLE members (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    -- Whether the workspace lives: kept here too, so that a reach is read from one index.
    living BOOLEAN NOT NULL DEFAULT TRUE,
    CONSTRAINT members_pkey PRIMARY KEY (bucket, id),
    CONSTRAINT members_user_key UNIQUE (bucket, workspace_id, user_id),
    CONSTRAINT members_workspace_fkey FOREIGN KEY (bucket, workspace_id) REFERENCES workspaces (bucket, id),
    CONSTRAINT members_role_check CHECK (role IN ('owner', 'admin', 'editor', 'client_reviewer'))
);
-- Never two owners, whatever runs at once. Never none is kept by the statements, which all hold the workspace's lock.
CREATE UNIQUE INDEX members_owner_key ON members (bucket, workspace_id) INCLUDE (user_id) WHERE role = 'owner';
-- The list of a team, newest first.
CREATE INDEX members_team ON members (bucket, workspace_id, id DESC);
-- The reach of a user, read at every call: without touching the table, and without a join whose plan could be a bad one.
CREATE INDEX members_reach ON members (user_id, workspace_id) INCLUDE (role) WHERE living;
COMMENT ON TABLE members IS
    'Who is on a team, now. A membership that ends is deleted: coming back makes a new one with a new id.';

CREATE TABLE invitations (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    inviter_user_id UUID NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    settle_time TIMESTAMPTZ,
    CONSTRAINT invitations_pkey PRIMARY KEY (bucket, id),
    CONSTRAINT invitations_workspace_fkey FOREIGN KEY (bucket, workspace_id) REFERENCES workspaces (bucket, id),
    CONSTRAINT invitations_role_check CHECK (role IN ('admin', 'editor', 'client_reviewer')),
    CONSTRAINT invitations_status_check CHECK (status IN ('pending', 'accepted', 'revoked')),
    CONSTRAINT invitations_settle_check CHECK ((status = 'pending') = (settle_time IS NULL))
);
-- One pending invitation per address; an expired one counts until it is replaced, since expiry writes nothing.
CREATE UNIQUE INDEX invitations_pending_key ON invitations (bucket, workspace_id, email) WHERE status = 'pending';
CREATE INDEX invitations_pending ON invitations (bucket, workspace_id, id DESC) WHERE status = 'pending';
COMMENT ON TABLE invitations IS 'Every invitation ever made. Which have expired follows from expire_time and the clock.';

-- A token names an invitation without saying its bucket, so its hash is the key of a table of its own.
CREATE TABLE invitation_tokens (
    token_hash BYTEA NOT NULL,
    bucket SMALLINT NOT NULL,
    invitation_id UUID NOT NULL,
    CONSTRAINT invitation_tokens_pkey PRIMARY KEY (token_hash),
    CONSTRAINT invitation_tokens_hash_check CHECK (octet_length(token_hash) = 32)
);
COMMENT ON TABLE invitation_tokens IS 'SHA-256 of each token; the token itself is shown once and kept nowhere.';

CREATE TABLE subscriptions (
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    plan TEXT NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (bucket, user_id),
    CONSTRAINT subscriptions_plan_check CHECK (plan IN ('free', 'pro', 'agency', 'enterprise'))
);
COMMENT ON TABLE subscriptions IS 'A user without a row has the plan FREE.';

-- Positions come from this one row, locked until the transaction commits: the order of positions is the order of
-- commits, and a reader that has seen a position has seen everything before it. A sequence would promise neither.
CREATE TABLE workspace_log_head (
    only_row BOOLEAN NOT NULL DEFAULT TRUE,
    position BIGINT NOT NULL,
    CONSTRAINT workspace_log_head_pkey PRIMARY KEY (only_row),
    CONSTRAINT workspace_log_head_only_row_check CHECK (only_row)
);
INSERT INTO workspace_log_head (position) VALUES (0);

CREATE TABLE workspace_log (
    position BIGINT NOT NULL,
    workspace_id UUID NOT NULL,
    event TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    CONSTRAINT workspace_log_pkey PRIMARY KEY (position),
    CONSTRAINT workspace_log_event_check CHECK (event IN ('deleted'))
);
COMMENT ON TABLE workspace_log IS 'What other services must do something about, in the order in which it was committed.';

-- Owned by the library postbreeze-idempotency.
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
