-- SPDX-License-Identifier: Apache-2.0
-- What host sensors tell besides edges (schema version 3).

ALTER TABLE machine ADD COLUMN inventory TEXT NOT NULL DEFAULT '';  -- a JSON object, by its sensor
ALTER TABLE sensor ADD COLUMN unnamed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensor ADD COLUMN degraded INTEGER NOT NULL DEFAULT 0;  -- bits of its newest cover

CREATE TABLE capture(                           -- opens as seen and as the kernel counted them
	sensor INTEGER NOT NULL,
	netns INTEGER NOT NULL,                 -- 0: those beyond the cap, together
	first_ms INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	active_seen INTEGER NOT NULL,
	active_kernel INTEGER NOT NULL,
	passive_seen INTEGER NOT NULL,
	passive_kernel INTEGER NOT NULL,
	PRIMARY KEY(sensor, netns)
) WITHOUT ROWID;
CREATE TABLE capture_hour(
	hour INTEGER NOT NULL,
	sensor INTEGER NOT NULL,
	active_seen INTEGER NOT NULL,
	active_kernel INTEGER NOT NULL,
	passive_seen INTEGER NOT NULL,
	passive_kernel INTEGER NOT NULL,
	PRIMARY KEY(sensor, hour)
) WITHOUT ROWID;
CREATE TABLE usage(                             -- how busy a machine was, ten minutes a row
	machine INTEGER NOT NULL,
	metric INTEGER NOT NULL,                -- enum usage_metric
	device TEXT NOT NULL,
	start_ms INTEGER NOT NULL,
	end_ms INTEGER NOT NULL,
	samples INTEGER NOT NULL,
	mean INTEGER NOT NULL,
	max INTEGER NOT NULL,
	PRIMARY KEY(machine, metric, device, start_ms)
) WITHOUT ROWID;
CREATE TABLE translation(                       -- addresses that a machine translates
	sensor INTEGER NOT NULL,
	proto INTEGER NOT NULL,
	client BLOB NOT NULL,
	client_seen BLOB NOT NULL,              -- as the server sees it
	seen BLOB NOT NULL,                     -- the server as the client addressed it
	seen_port INTEGER NOT NULL,
	server BLOB NOT NULL,
	port INTEGER NOT NULL,
	first_ms INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	opens INTEGER NOT NULL,
	PRIMARY KEY(sensor, proto, client, client_seen, seen, seen_port, server, port)
) WITHOUT ROWID;
