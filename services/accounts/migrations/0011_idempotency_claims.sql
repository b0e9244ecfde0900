-- Who is doing what a request asks for outside of this database. A claim stands while one call does; a twin of the call
-- waits for it. It counts until `expire_time`, since its holder may have died.
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

-- How what was shown was described: the network inside the system shows what it received.
ALTER TABLE sandbox_calls ADD COLUMN media_alt_texts TEXT[] NOT NULL DEFAULT '{}';
