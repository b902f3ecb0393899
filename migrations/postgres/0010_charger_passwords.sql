-- Passwords of charge points, oldest first; the same table as migrations/sqlite. Several hold where newer ones were sent to the charge point
-- and none of them was used yet.
CREATE TABLE charger_password (
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    -- Argon2id as a PHC string, or of one that the site has made itself $sha256$ and digits.
    hash TEXT NOT NULL CHECK (hash <> ''),
    origin TEXT NOT NULL CHECK (origin IN ('typed', 'random', 'first_use')),
    made_at BIGINT NOT NULL,
    -- Sent to the charge point, which has not come with it yet.
    pending BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (charge_point, number)
);
