-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- A minute's rows are put into the levels when it is over (store/close.h): edge -1 until then.
ALTER TABLE fact_minute ADD COLUMN first INTEGER NOT NULL DEFAULT 0;    -- seconds
ALTER TABLE fact_minute ADD COLUMN last INTEGER NOT NULL DEFAULT 0;

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

-- Why a minute of coverage may not be whole: enum cover_flaw (store/cover.h).
ALTER TABLE coverage ADD COLUMN flaws INTEGER NOT NULL DEFAULT 0;

-- The sensor's clock less ours, where its stream of batches stands (store/skew.h), and how
-- often it was set.
ALTER TABLE sensor ADD COLUMN skew_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_base_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_end_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_jumps INTEGER NOT NULL DEFAULT 0;
