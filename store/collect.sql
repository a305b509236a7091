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
