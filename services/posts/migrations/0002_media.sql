-- What posts show, and what `media` must be told of it.

ALTER TABLE posts
    -- In order, for every target without media of its own.
    ADD COLUMN media_ids UUID[] NOT NULL DEFAULT '{}',
    -- The description of each.
    ADD COLUMN alt_texts TEXT[] NOT NULL DEFAULT '{}',
    -- Rows that are there have the defaults: they need not be read while the table is locked.
    ADD CONSTRAINT posts_alt_texts CHECK (cardinality(alt_texts) = cardinality(media_ids)) NOT VALID;

ALTER TABLE post_targets
    -- In order, instead of the post's; none: the post's.
    ADD COLUMN media_ids UUID[] NOT NULL DEFAULT '{}';

-- What a post keeps from being deleted, as of a version of it. Written in the transaction that changes it, gone once
-- `media` has been told.
CREATE TABLE media_notices (
    bucket SMALLINT NOT NULL,
    post_id UUID NOT NULL,
    version BIGINT NOT NULL,
    media_ids UUID[] NOT NULL,
    PRIMARY KEY (bucket, post_id)
);
