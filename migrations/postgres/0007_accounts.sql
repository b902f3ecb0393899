-- Who may do what. The same tables as migrations/sqlite; only the types are PostgreSQL's.

CREATE TABLE account (
    -- Never given again.
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- In lower case: names are equal ignoring case.
    key TEXT COLLATE "C" NOT NULL UNIQUE CHECK (key <> ''),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
    -- Argon2id, as a PHC string.
    password_hash TEXT NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL
);

-- Browsers that are signed in, and for a while those that were: a device or an address that an account is known by.
CREATE TABLE sign_in (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id),
    -- SHA-256 of what the browser holds.
    secret_hash BYTEA NOT NULL UNIQUE,
    device_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sign_in_by_account ON sign_in (account_id, id);

-- Tokens of programs.
CREATE TABLE program_token (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id),
    -- SHA-256 of the token.
    secret_hash BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used BIGINT
);
CREATE INDEX program_token_by_account ON program_token (account_id, id);
