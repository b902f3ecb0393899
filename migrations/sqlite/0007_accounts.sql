-- Who may do what. The same tables as migrations/postgres; only the types are SQLite's.

CREATE TABLE account (
    -- Never given again.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- In lower case: names are equal ignoring case.
    key TEXT NOT NULL UNIQUE CHECK (key <> ''),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
    -- Argon2id, as a PHC string.
    password_hash TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

-- Browsers that are signed in, and for a while those that were: a device or an address that an account is known by.
CREATE TABLE sign_in (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    -- SHA-256 of what the browser holds.
    secret_hash BLOB NOT NULL UNIQUE,
    device_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT;
CREATE INDEX sign_in_by_account ON sign_in (account_id, id);

-- Tokens of programs.
CREATE TABLE program_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    -- SHA-256 of the token.
    secret_hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used INTEGER
) STRICT;
CREATE INDEX program_token_by_account ON program_token (account_id, id);
