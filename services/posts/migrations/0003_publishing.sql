-- What makes time pass for posts: what each target waits for, its first comment, accounts that are gone, and what the end
-- of a post is told by.

ALTER TABLE post_targets
    -- When it is to be dealt with next: to be sent, or to be taken over from a worker that has died, or to be looked for on
    -- the network, or to be followed by its first comment. NULL: nothing is to be done.
    ADD COLUMN due_time TIMESTAMPTZ,
    -- Grows with every right to send. An outcome counts only for the right that it belongs to.
    ADD COLUMN version BIGINT NOT NULL DEFAULT 0,
    -- Names what was sent last, on the network: it must not change while it is not known what became of it.
    ADD COLUMN send_key TEXT NOT NULL DEFAULT '',
    -- Of what is being sent now, the post or its first comment: when it was first tried, how often, and how often it was
    -- looked for since it was last tried.
    ADD COLUMN first_try_time TIMESTAMPTZ,
    ADD COLUMN tries INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN looks INTEGER NOT NULL DEFAULT 0,
    -- What was sent may arrive until then: that the network does not have it yet says nothing. NULL: it cannot arrive any more.
    ADD COLUMN in_transit_until TIMESTAMPTZ,
    -- Until the post is out there is none, whatever there is to say.
    ADD COLUMN first_comment_status TEXT NOT NULL DEFAULT 'none',
    -- When it was last tried.
    ADD COLUMN first_comment_try_time TIMESTAMPTZ,
    ADD COLUMN external_first_comment_id TEXT NOT NULL DEFAULT '',
    ADD COLUMN first_comment_error_code TEXT NOT NULL DEFAULT '',
    ADD COLUMN first_comment_error_message TEXT NOT NULL DEFAULT '',
    ADD COLUMN first_comment_error_class TEXT NOT NULL DEFAULT '',
    -- Rows that are there have the default: they need not be read while the table is locked.
    ADD CONSTRAINT post_targets_first_comment_status CHECK (first_comment_status IN (
        'none', 'pending', 'publishing', 'published', 'failed', 'unknown'
    )) NOT VALID;

-- What was scheduled before anything was published. Posts that an older version schedules while this one is rolled out are
-- found by the sweep.
UPDATE post_targets AS target
SET due_time = CASE post.status WHEN 'scheduled' THEN post.scheduled_time ELSE post.update_time END
FROM posts AS post
WHERE post.bucket = target.bucket
    AND post.id = target.post_id
    AND post.delete_time IS NULL
    AND post.status IN ('scheduled', 'publishing')
    AND target.status = 'pending';

-- Over all workspaces, since time passes for all of them at once. Only what waits for something is in it.
CREATE INDEX post_targets_due ON post_targets (due_time) WHERE due_time IS NOT NULL;

-- What cannot go out any more once its account is gone.
CREATE INDEX post_targets_waiting ON post_targets (bucket, account_id, post_id) WHERE status = 'pending';

-- Accounts that were disconnected, for ever: nothing is sent to them.
CREATE TABLE disconnected_accounts (
    bucket SMALLINT NOT NULL,
    account_id UUID NOT NULL,
    disconnect_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, account_id)
);

-- How far this service has read the log of the accounts service.
CREATE TABLE account_log_position (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    position BIGINT NOT NULL
);

INSERT INTO account_log_position (position) VALUES (0);

-- What webhooks tell, written in the transaction in which it happens.
CREATE TABLE events (
    bucket SMALLINT NOT NULL,
    id UUID NOT NULL,
    workspace_id UUID NOT NULL,
    -- As 'post.published'.
    kind TEXT NOT NULL,
    -- The post it is about.
    subject_id UUID NOT NULL,
    -- Which fields a payload made of it has.
    payload_version SMALLINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, id)
);
