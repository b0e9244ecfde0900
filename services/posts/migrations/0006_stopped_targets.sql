-- Whether somebody canceled the rest of the post while the target was under way: it is not sent again.
ALTER TABLE post_targets ADD COLUMN is_stopped BOOLEAN NOT NULL DEFAULT FALSE;
