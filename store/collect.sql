-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- Who changed what (audit.h); the newest 100,000.
CREATE TABLE audit(
	id INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	who TEXT NOT NULL,
	what TEXT NOT NULL,
	detail TEXT NOT NULL
);

-- Certificates (enrol.h).  A renewed one is `next` until it is used; then it is the one in
-- `fingerprint`, and that becomes `former`, which is good for nothing but clear words.
ALTER TABLE sensor ADD COLUMN next BLOB;
ALTER TABLE sensor ADD COLUMN former BLOB;
ALTER TABLE sensor ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0; -- 0: not known
ALTER TABLE sensor ADD COLUMN next_expires_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN issued_ms INTEGER NOT NULL DEFAULT 0; -- its newest certificate
-- What a person is to decide (roster.h).
ALTER TABLE sensor ADD COLUMN cloned_ms INTEGER NOT NULL DEFAULT 0; -- two with one identity
ALTER TABLE sensor ADD COLUMN cloned TEXT NOT NULL DEFAULT '';      -- from where
ALTER TABLE sensor ADD COLUMN claims INTEGER NOT NULL DEFAULT 0;    -- a machine of another's
ALTER TABLE token ADD COLUMN cidr TEXT NOT NULL DEFAULT '';         -- '': from anywhere
ALTER TABLE token ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN used INTEGER NOT NULL DEFAULT 0;

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
-- Who may ask over HTTP (apitoken.h).
CREATE TABLE api_token(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	hash BLOB NOT NULL UNIQUE,              -- SHA-256 of 256 random bits
	role INTEGER NOT NULL,                  -- enum api_role
	name TEXT NOT NULL UNIQUE,              -- stands in audit rows
	made_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0      -- to the hour; 0: never
);
