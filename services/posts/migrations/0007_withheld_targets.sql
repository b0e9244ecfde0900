-- What was to be sent and could not be, for want of something of our own: few, and they must be seen at once.
CREATE INDEX post_targets_withheld ON post_targets (first_try_time)
    WHERE status = 'pending' AND tries = 0 AND first_try_time IS NOT NULL;
