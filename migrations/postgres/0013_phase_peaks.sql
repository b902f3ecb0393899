-- The highest load of each phase of the site on the day that it was last measured: A is 0, B is 1, C is 2. The same table as
-- migrations/sqlite.
CREATE TABLE phase_peak (
    phase INTEGER PRIMARY KEY CHECK (phase BETWEEN 0 AND 2),
    -- A.
    amperes DOUBLE PRECISION NOT NULL,
    -- When it was that high first.
    at BIGINT NOT NULL
);
