-- How many characters a post may have, where the account's server says so; null: its network's usual limit.
ALTER TABLE accounts ADD COLUMN max_characters INTEGER;
