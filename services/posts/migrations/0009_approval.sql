-- In which form a post may go out, and who is doing what a request asks for outside of this database.

ALTER TABLE posts
    -- SHA-256 of all that goes out, as it was when the post was last approved, or let out by someone who needs no approval.
    -- NULL: it was not, or by an earlier version; then an approval that was not taken back counts.
    ADD COLUMN released_form BYTEA,
    -- Whether "now" was asked for: such a post goes out as soon as it is approved.
    ADD COLUMN publish_now BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE post_targets
    -- The description of each of its own media. NULL: an earlier version wrote the row, and the library's descriptions go out.
    ADD COLUMN alt_texts TEXT[];

-- A claim stands while one call does what a request asks for outside; a twin of the call waits for it. It counts until
-- `expire_time`, since its holder may have died.
CREATE TABLE idempotency_claims (
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    holder UUID NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, user_id, rpc, request_id)
);

CREATE INDEX idempotency_claims_expire_time ON idempotency_claims (expire_time);
