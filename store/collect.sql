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

-- What is new of it in this hour (store/quota.h), and how often that was too much.
ALTER TABLE sensor ADD COLUMN quota_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN quota_edges INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN quota_names INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;

-- Address spaces (store/realm.h); endpoint.realm of one is 2^40 + id, or 0 for the one
-- without a name.
CREATE TABLE realm(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);
ALTER TABLE sensor ADD COLUMN realm INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN realm INTEGER NOT NULL DEFAULT 0;

-- An address in the hands of one holder: a new row begins when another machine takes it, so
-- that what was said of the old one stays there.
ALTER TABLE endpoint RENAME TO endpoint_before;
CREATE TABLE endpoint(
	id INTEGER PRIMARY KEY,
	realm INTEGER NOT NULL,
	address BLOB NOT NULL,
	since_ms INTEGER NOT NULL,              -- 0: the first
	UNIQUE(realm, address, since_ms)
);
INSERT INTO endpoint SELECT id, realm, address, 0 FROM endpoint_before;
DROP TABLE endpoint_before;

-- A claim knows the conversation as it was seen, where a NAT joined it with another one, and
-- whether an exporter looks at every packet.
ALTER TABLE claim RENAME TO claim_before;
CREATE TABLE claim(
	id INTEGER PRIMARY KEY AUTOINCREMENT,   -- rows of minutes outlive a claim that is erased
	conversation INTEGER NOT NULL,
	origin INTEGER NOT NULL,
	witnesses INTEGER NOT NULL,
	client_process INTEGER NOT NULL,
	server_process INTEGER NOT NULL,
	edge INTEGER NOT NULL,
	guess INTEGER NOT NULL DEFAULT 0,
	run INTEGER NOT NULL DEFAULT 0,
	live INTEGER NOT NULL DEFAULT 0,
	pending INTEGER NOT NULL DEFAULT 0,
	opens INTEGER NOT NULL DEFAULT 0,
	ports BLOB,
	via INTEGER NOT NULL DEFAULT 0,         -- 0: as it is
	sampling INTEGER NOT NULL DEFAULT 0,    -- amounts are scaled: 1 packet in so many; 0: all
	UNIQUE(conversation, origin, witnesses, client_process, server_process, via)
);
INSERT INTO claim SELECT id, conversation, origin, witnesses, client_process, server_process,
	edge, guess, run, live, pending, opens, ports, 0, 0 FROM claim_before;
DROP TABLE claim_before;
CREATE INDEX claim_edge ON claim(edge);

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
