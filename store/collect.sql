-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- Why a minute of coverage may not be whole: enum cover_flaw (store/cover.h).
ALTER TABLE coverage ADD COLUMN flaws INTEGER NOT NULL DEFAULT 0;

-- The sensor's clock less ours, where its stream of batches stands (store/skew.h), and how
-- often it was set.
ALTER TABLE sensor ADD COLUMN skew_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_base_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_end_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN clock_jumps INTEGER NOT NULL DEFAULT 0;

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
