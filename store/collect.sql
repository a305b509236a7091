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
