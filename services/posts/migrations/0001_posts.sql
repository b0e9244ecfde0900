-- Posts, their targets and attempts, the monthly cap, the comments inbox.
-- `bucket` leads every key: a row lives on the shard that its id names.

CREATE TABLE posts (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    author_user_id UUID NOT NULL,
    -- The key that the author's program used; none for a session.
    created_via_key_id UUID,
    status TEXT NOT NULL,
    content TEXT NOT NULL,
    scheduled_time TIMESTAMPTZ,
    draft_scheduled_time TIMESTAMPTZ,
    -- For display only: every instant is UTC.
    timezone TEXT NOT NULL,
    approved_by_user_id UUID,
    approved_time TIMESTAMPTZ,
    rejection_note TEXT NOT NULL DEFAULT '',
    -- Grows with every change; the etag, and what fences writers against each other.
    version BIGINT NOT NULL,
    -- Whom and which month (year * 12 + month - 1) the post's unit was charged to; none: it holds no unit.
    charged_owner_user_id UUID,
    charged_month INTEGER,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    delete_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, id),
    CONSTRAINT posts_status CHECK (status IN (
        'draft', 'needs_approval', 'scheduled', 'publishing', 'partially_published', 'published', 'failed', 'canceled'
    )),
    CONSTRAINT posts_charge CHECK ((charged_owner_user_id IS NULL) = (charged_month IS NULL))
);

-- Lists: newest first within a workspace.
CREATE INDEX posts_list ON posts (bucket, workspace_id, id DESC) WHERE delete_time IS NULL;

-- What must not go out once the workspace is deleted.
CREATE INDEX posts_open ON posts (bucket, workspace_id, id)
    WHERE delete_time IS NULL AND status IN ('needs_approval', 'scheduled', 'publishing', 'partially_published');

CREATE TABLE post_targets (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    post_id UUID NOT NULL,
    -- Place in the post's list of targets, from 0.
    position SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    -- Number of postbreeze.v1.Platform, stable by the wire's rules.
    platform SMALLINT NOT NULL,
    status TEXT NOT NULL,
    caption_override TEXT,
    first_comment TEXT NOT NULL,
    -- An encoded postbreeze.v1.PlatformOptions; empty: none.
    options BYTEA NOT NULL,
    publish_time TIMESTAMPTZ,
    external_post_id TEXT NOT NULL DEFAULT '',
    external_url TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    error_class TEXT NOT NULL DEFAULT '',
    attempt_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, id),
    CONSTRAINT post_targets_post FOREIGN KEY (bucket, post_id) REFERENCES posts (bucket, id),
    CONSTRAINT post_targets_status CHECK (status IN (
        'pending', 'publishing', 'published', 'failed', 'unknown', 'canceled'
    ))
);

CREATE INDEX post_targets_post ON post_targets (bucket, post_id, position);

-- What was tried. Rows outlive their target: replacing a post's targets keeps its history.
CREATE TABLE publish_attempts (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    post_id UUID NOT NULL,
    target_id UUID NOT NULL,
    account_id UUID NOT NULL,
    platform SMALLINT NOT NULL,
    attempt_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    start_time TIMESTAMPTZ NOT NULL,
    finish_time TIMESTAMPTZ,
    external_post_id TEXT NOT NULL DEFAULT '',
    external_url TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    error_class TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (bucket, id),
    CONSTRAINT publish_attempts_status CHECK (status IN ('in_flight', 'published', 'failed', 'unknown'))
);

CREATE INDEX publish_attempts_list ON publish_attempts (bucket, post_id, id DESC);

-- Upper bounds of the newest row of each workspace: a list asks only the workspaces that can hold its page.
-- Never lower than the truth; too high costs a probe.
CREATE TABLE post_heads (
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    last_id UUID NOT NULL,
    -- When the workspace was deleted. Locked before the workspace's posts: none is written or opened once it is set.
    delete_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, workspace_id)
) WITH (fillfactor = 50);

CREATE INDEX post_heads_workspace ON post_heads (workspace_id);

-- Units of the monthly cap, counted beside the posts that hold them. `bucket` is the owner's.
CREATE TABLE post_usage (
    bucket SMALLINT NOT NULL,
    owner_user_id UUID NOT NULL,
    month INTEGER NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (bucket, owner_user_id, month),
    CONSTRAINT post_usage_units CHECK (units >= 0)
) WITH (fillfactor = 50);

CREATE TABLE comments (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    account_id UUID NOT NULL,
    platform SMALLINT NOT NULL,
    post_id UUID,
    target_id UUID,
    external_id TEXT NOT NULL,
    author_handle TEXT NOT NULL,
    author_display_name TEXT NOT NULL,
    author_avatar_url TEXT NOT NULL,
    body TEXT NOT NULL,
    -- By the network's clock. The sort key of lists: it never changes.
    network_time TIMESTAMPTZ NOT NULL,
    read_time TIMESTAMPTZ,
    reply_body TEXT,
    reply_time TIMESTAMPTZ,
    reply_author_user_id UUID,
    reply_external_id TEXT,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id),
    CONSTRAINT comments_external UNIQUE (bucket, account_id, external_id)
);

CREATE INDEX comments_list ON comments (bucket, workspace_id, network_time DESC, id DESC);

CREATE TABLE comment_heads (
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    last_time TIMESTAMPTZ NOT NULL,
    last_id UUID NOT NULL,
    PRIMARY KEY (bucket, workspace_id)
) WITH (fillfactor = 50);

CREATE INDEX comment_heads_workspace ON comment_heads (workspace_id);

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
