-- Meter values are by far the most that is written: one index for them. A session's are found by its charge point and its time.
DROP INDEX meter_value_by_transaction;
