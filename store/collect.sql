-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- Hours and days that are over: many rows of fact_hour or fact_day in one (store/pack.h).  What
-- comes late for them stands in fact_hour and fact_day again, signed, and is to be added.
CREATE TABLE fact_packed(
	id INTEGER PRIMARY KEY,
	level INTEGER NOT NULL,                 -- enum packed_level
	bucket INTEGER NOT NULL,                -- the hour or the day
	body BLOB NOT NULL
);
CREATE INDEX fact_packed_bucket ON fact_packed(level, bucket);

-- How far something has come that goes on from there (store/mark.h).
CREATE TABLE mark(
	word TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) WITHOUT ROWID;
