-- The limits of current that a charge point has accepted: JSON, a list of them. The same table as migrations/sqlite.
CREATE TABLE charging_limit (
    charge_point INTEGER PRIMARY KEY REFERENCES charge_point (id),
    limits TEXT NOT NULL
);
-- The newest findings of each are kept: they are counted by the order in which they were found.
DROP INDEX finding_by_charge_point;
CREATE INDEX finding_by_charge_point ON finding (charge_point, id);
