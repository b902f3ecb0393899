-- The limits of current that a charge point has accepted: JSON, a list of them. The same table as migrations/postgres.
CREATE TABLE charging_limit (
    charge_point INTEGER PRIMARY KEY REFERENCES charge_point (id),
    limits TEXT NOT NULL CHECK (json_valid(limits))
) STRICT;
