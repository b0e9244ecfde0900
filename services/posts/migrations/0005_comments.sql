-- Comments are fetched from the networks, and answered there.

-- A reply is written down before the network is called. Whoever has grown `reply_version` may act on it once: send it, or
-- look for it; an outcome counts only for the version that it belongs to.
ALTER TABLE comments
    -- The network's own id of the post.
    ADD COLUMN external_post_id TEXT NOT NULL DEFAULT '',
    -- None: there is no reply.
    ADD COLUMN reply_status TEXT,
    ADD COLUMN reply_error TEXT NOT NULL DEFAULT '',
    -- The client's; empty: it gave none.
    ADD COLUMN reply_request_id TEXT NOT NULL DEFAULT '',
    ADD COLUMN reply_version BIGINT NOT NULL DEFAULT 0,
    -- When it is to be looked for on the network.
    ADD COLUMN reply_due_time TIMESTAMPTZ,
    -- How often it was looked for, and how often it was sent.
    ADD COLUMN reply_looks INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN reply_tries INTEGER NOT NULL DEFAULT 0;

UPDATE comments SET reply_status = 'sent' WHERE reply_body IS NOT NULL;

ALTER TABLE comments ADD CONSTRAINT comments_reply_status
    CHECK (reply_status IN ('sending', 'sent', 'failed', 'unknown')) NOT VALID;

CREATE INDEX comments_reply_due ON comments (reply_due_time) WHERE reply_due_time IS NOT NULL;

-- What of the account's own a network tells among the comments.
CREATE INDEX comments_reply_external ON comments (bucket, account_id, reply_external_id)
    WHERE reply_external_id IS NOT NULL;

-- Published targets whose comments are fetched.
CREATE TABLE comment_sources (
    bucket SMALLINT NOT NULL,
    target_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    post_id UUID NOT NULL,
    account_id UUID NOT NULL,
    platform SMALLINT NOT NULL,
    -- The network's own id of the post.
    external_post_id TEXT NOT NULL,
    publish_time TIMESTAMPTZ NOT NULL,
    -- When its comments are fetched next by themselves; none: not any more.
    next_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, target_id)
);

CREATE INDEX comment_sources_newest ON comment_sources (bucket, workspace_id, publish_time DESC);
CREATE INDEX comment_sources_next ON comment_sources (bucket, account_id, next_time) WHERE next_time IS NOT NULL;
CREATE INDEX comment_sources_publish_time ON comment_sources (publish_time);

-- Accounts whose comments are fetched. Of each at most one is fetching at a time, whoever that is: it has grown `version`
-- and has until `lease_time`.
CREATE TABLE comment_feeds (
    bucket SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    -- Nothing of it is due before this; none: nothing is.
    due_time TIMESTAMPTZ,
    version BIGINT NOT NULL DEFAULT 0,
    lease_time TIMESTAMPTZ,
    -- Until when its network asked to be left alone.
    wait_time TIMESTAMPTZ,
    -- Fetches that failed since the last that did not.
    failure_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, account_id)
);

CREATE INDEX comment_feeds_due ON comment_feeds (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX comment_feeds_workspace ON comment_feeds (bucket, workspace_id);

-- When each workspace's comments were last fetched because somebody wished it.
CREATE TABLE comment_refreshes (
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    refresh_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, workspace_id)
);
