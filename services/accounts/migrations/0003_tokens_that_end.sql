-- A token that nothing buys anew is due when it runs out: the account is marked then.
UPDATE account_tokens AS token
SET refresh_time = token.expire_time
FROM accounts AS account
WHERE account.bucket = token.bucket
    AND account.id = token.account_id
    AND account.status = 'active'
    AND token.refresh_token IS NULL
    AND token.expire_time IS NOT NULL;
