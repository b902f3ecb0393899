-- The second factor of accounts, and the codes that stand in for it. The same tables as migrations/sqlite; only the types are
-- PostgreSQL's.

-- An account without a row has none.
CREATE TABLE second_factor (
    account_id BIGINT PRIMARY KEY REFERENCES account (id),
    -- 160 bits that the owner's phone knows as well. Codes are computed of it, so it cannot be a hash.
    secret BYTEA NOT NULL CHECK (length(secret) = 20),
    -- The last step of 30 s whose code was taken: each is taken once.
    last_step BIGINT NOT NULL
);

CREATE TABLE recovery_code (
    account_id BIGINT NOT NULL REFERENCES second_factor (account_id) ON DELETE CASCADE,
    -- Argon2id of the code, salted by the secret. One that was used is gone.
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);
