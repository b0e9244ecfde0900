-- Media, their folders, who uses them, and how much is stored.
-- `bucket` leads every key: a row lives on the shard that its id names.

-- Whoever puts something into a workspace, or changes how its folders lie, locks its row first; so does whoever releases a
-- workspace that was deleted.
CREATE TABLE media_workspaces (
    bucket SMALLINT NOT NULL,
    workspace_id UUID NOT NULL,
    -- When the workspace's deletion was learnt of: from then on nothing is put into it.
    delete_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, workspace_id)
) WITH (fillfactor = 50);

CREATE TABLE folders (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    -- None: the top level.
    parent_folder_id UUID,
    name TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id),
    CONSTRAINT folders_parent FOREIGN KEY (bucket, parent_folder_id) REFERENCES folders (bucket, id)
);

-- Lists: newest first within a workspace, at its top level, in a folder.
CREATE INDEX folders_list ON folders (bucket, workspace_id, id DESC);
CREATE INDEX folders_top ON folders (bucket, workspace_id, id DESC) WHERE parent_folder_id IS NULL;
CREATE INDEX folders_in ON folders (bucket, parent_folder_id, id DESC) WHERE parent_folder_id IS NOT NULL;

CREATE TABLE media (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    -- None: the top level.
    folder_id UUID,
    filename TEXT NOT NULL,
    -- The filename in lower case, as every locale has it: what a list is searched by.
    filename_folded TEXT NOT NULL,
    -- Number of postbreeze.v1.MediaKind, stable by the wire's rules.
    kind SMALLINT NOT NULL,
    -- 'ingesting' are those whose bytes this service fetches itself; nobody sees them.
    status TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    alt_text TEXT NOT NULL,
    width_px INTEGER,
    height_px INTEGER,
    duration_ms BIGINT,
    has_thumbnail BOOLEAN NOT NULL,
    -- When the URL stops working that its bytes are PUT to; none: there is no such URL.
    upload_expire_time TIMESTAMPTZ,
    -- Names, to the object store, what is being ingested and not finished.
    upload_id TEXT,
    -- Whose storage it counts in, and how much: the owner of the workspace may change meanwhile. 0 once it was given back.
    charged_owner_user_id UUID NOT NULL,
    charged_bytes BIGINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- From here on it is nobody's. The row goes when its bytes have gone; in a deleted workspace it stays, to tell that an
    -- id is one of there.
    delete_time TIMESTAMPTZ,
    -- When it ends by itself unless somebody does something before: a PUT that is awaited, an ingestion that died, a
    -- rejected one that nobody looks at any more.
    lapse_time TIMESTAMPTZ,
    -- When its bytes are to be deleted from the object store; none: they are not.
    purge_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, id),
    CONSTRAINT media_folder FOREIGN KEY (bucket, folder_id) REFERENCES folders (bucket, id),
    CONSTRAINT media_status CHECK (status IN ('pending_upload', 'ingesting', 'ready', 'rejected')),
    CONSTRAINT media_charged CHECK (charged_bytes >= 0 AND (delete_time IS NULL OR charged_bytes = 0))
);

-- Lists: newest first within a workspace, at its top level, in a folder.
CREATE INDEX media_list ON media (bucket, workspace_id, id DESC) WHERE delete_time IS NULL;
CREATE INDEX media_top ON media (bucket, workspace_id, id DESC) WHERE delete_time IS NULL AND folder_id IS NULL;
CREATE INDEX media_in ON media (bucket, folder_id, id DESC) WHERE folder_id IS NOT NULL;

-- What is due.
CREATE INDEX media_purge ON media (purge_time) WHERE purge_time IS NOT NULL;
CREATE INDEX media_lapse ON media (lapse_time) WHERE lapse_time IS NOT NULL;

-- Bytes that count in an owner's storage: at any time the sum of what the owner's media are charged with. Its bucket is the
-- owner's.
CREATE TABLE media_usage (
    bucket SMALLINT NOT NULL,
    owner_user_id UUID NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (bucket, owner_user_id),
    CONSTRAINT media_usage_bytes CHECK (bytes >= 0)
) WITH (fillfactor = 50);

-- Which version of a post has said last what it keeps. Its bucket is the post's, as that of `media_uses`.
CREATE TABLE media_posts (
    bucket SMALLINT NOT NULL,
    post_id UUID NOT NULL,
    -- 0: none has yet.
    kept_version BIGINT NOT NULL,
    -- Whether that was any.
    keeps_any BOOLEAN NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, post_id)
);

CREATE INDEX media_posts_idle ON media_posts (update_time) WHERE NOT keeps_any;

-- What keeps a medium from being deleted.
CREATE TABLE media_uses (
    bucket SMALLINT NOT NULL,
    post_id UUID NOT NULL,
    post_version BIGINT NOT NULL,
    media_id UUID NOT NULL,
    -- When a hold lapses; none: the post keeps the medium.
    hold_expire_time TIMESTAMPTZ,
    PRIMARY KEY (bucket, post_id, post_version, media_id)
);

CREATE INDEX media_uses_media ON media_uses (bucket, media_id);
CREATE INDEX media_uses_lapsing ON media_uses (hold_expire_time) WHERE hold_expire_time IS NOT NULL;

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
