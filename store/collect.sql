-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- A minute's rows are put into the levels when it is over (store/close.h): edge -1 until then.
ALTER TABLE fact_minute ADD COLUMN first INTEGER NOT NULL DEFAULT 0;    -- seconds
ALTER TABLE fact_minute ADD COLUMN last INTEGER NOT NULL DEFAULT 0;

-- How far something has come that goes on from there.
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
