-- SPDX-License-Identifier: Apache-2.0
-- The tables of a Skein database; docs/store.md says why they are so.
-- Numbers of seconds or milliseconds since 1970 end in _ms where they are milliseconds;
-- minute, hour and day are counted since 1970, UTC.

-- Who may speak, and what they have said.
CREATE TABLE sensor(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	host TEXT NOT NULL DEFAULT '',
	fingerprint BLOB,
	revoked INTEGER NOT NULL DEFAULT 0,
	first_ms INTEGER NOT NULL,              -- enrolled, or first heard
	last_ms INTEGER NOT NULL,               -- last heard
	covered_ms INTEGER NOT NULL DEFAULT 0,  -- end of its newest COVER
	run INTEGER NOT NULL DEFAULT 1,         -- one more at each break of its coverage
	records INTEGER NOT NULL DEFAULT 0,
	quarantined INTEGER NOT NULL DEFAULT 0,
	rejected INTEGER NOT NULL DEFAULT 0,
	lost INTEGER NOT NULL DEFAULT 0,
	overflow INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE token(
	hash BLOB PRIMARY KEY,
	role TEXT NOT NULL,
	expires_ms INTEGER NOT NULL,
	uses INTEGER NOT NULL                   -- left
) WITHOUT ROWID;
CREATE TABLE position(
	sensor INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	PRIMARY KEY(sensor, epoch)
) WITHOUT ROWID;
CREATE TABLE gap(
	id INTEGER PRIMARY KEY,
	sensor INTEGER NOT NULL,
	start_ms INTEGER NOT NULL,
	end_ms INTEGER NOT NULL,
	records INTEGER NOT NULL
);
CREATE TABLE coverage(
	minute INTEGER NOT NULL,
	sensor INTEGER NOT NULL,
	covered_ms INTEGER NOT NULL,
	PRIMARY KEY(minute, sensor)
) WITHOUT ROWID;
CREATE TABLE source(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	sha256 BLOB NOT NULL UNIQUE,
	imported_ms INTEGER NOT NULL
);

-- The dictionary.
CREATE TABLE machine(
	id INTEGER PRIMARY KEY,
	ident TEXT NOT NULL UNIQUE,             -- to the letter
	name TEXT NOT NULL DEFAULT '',
	os TEXT NOT NULL DEFAULT '',
	kernel TEXT NOT NULL DEFAULT '',
	arch TEXT NOT NULL DEFAULT '',
	site TEXT NOT NULL DEFAULT '',
	cores INTEGER NOT NULL DEFAULT 0,
	memory INTEGER NOT NULL DEFAULT 0,
	watched INTEGER NOT NULL DEFAULT 0,     -- an import says that it had a sensor
	sensor INTEGER NOT NULL DEFAULT 0,      -- the one that speaks for it
	first_ms INTEGER NOT NULL DEFAULT 0,    -- described by its sensor
	last_ms INTEGER NOT NULL DEFAULT 0,
	extra TEXT NOT NULL DEFAULT ''
);
CREATE INDEX machine_sensor ON machine(sensor) WHERE sensor != 0;
CREATE TABLE machine_address(
	machine INTEGER NOT NULL,
	address BLOB NOT NULL,
	contested INTEGER NOT NULL,             -- another machine, that is heard, has it
	PRIMARY KEY(machine, address)
) WITHOUT ROWID;
CREATE TABLE endpoint(
	id INTEGER PRIMARY KEY,
	realm INTEGER NOT NULL,
	address BLOB NOT NULL,
	UNIQUE(realm, address)
);
CREATE TABLE lease(
	id INTEGER PRIMARY KEY,
	endpoint INTEGER NOT NULL,
	machine INTEGER NOT NULL,
	since_ms INTEGER NOT NULL,              -- 0 for the first holder
	until_ms INTEGER                        -- NULL: open
);
CREATE INDEX lease_endpoint ON lease(endpoint);
CREATE INDEX lease_machine ON lease(machine) WHERE until_ms IS NULL;
CREATE TABLE process(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	unit TEXT NOT NULL,
	container TEXT NOT NULL,
	UNIQUE(name, unit, container)
);
CREATE TABLE detail(                            -- of a process at one address
	endpoint INTEGER NOT NULL,
	process INTEGER NOT NULL,
	exe TEXT NOT NULL,
	user TEXT NOT NULL,
	app TEXT NOT NULL,
	PRIMARY KEY(endpoint, process)
) WITHOUT ROWID;
CREATE TABLE listener(
	machine INTEGER NOT NULL,
	port INTEGER NOT NULL,
	proto INTEGER NOT NULL,
	address BLOB NOT NULL,
	process INTEGER NOT NULL,
	exe TEXT NOT NULL,
	user TEXT NOT NULL,
	app TEXT NOT NULL,
	first_ms INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,               -- current: not before its machine's
	PRIMARY KEY(machine, port, proto, address, process)
) WITHOUT ROWID;

-- What both sides agree on, what each witness says of it, and the edge that it is.
CREATE TABLE conversation(
	id INTEGER PRIMARY KEY,
	client INTEGER NOT NULL,
	server INTEGER NOT NULL,
	port INTEGER NOT NULL,
	proto INTEGER NOT NULL,
	scope INTEGER NOT NULL,
	UNIQUE(client, server, port, proto, scope)
);
CREATE TABLE claim(
	id INTEGER PRIMARY KEY,
	conversation INTEGER NOT NULL,
	origin INTEGER NOT NULL,                -- a sensor, or minus a source
	witnesses INTEGER NOT NULL,             -- bits 1 << enum witness
	client_process INTEGER NOT NULL,        -- 0: unknown
	server_process INTEGER NOT NULL,
	edge INTEGER NOT NULL,
	guess INTEGER NOT NULL DEFAULT 0,
	run INTEGER NOT NULL DEFAULT 0,         -- of the sensor when the gauges were read; a source: second
	live INTEGER NOT NULL DEFAULT 0,
	pending INTEGER NOT NULL DEFAULT 0,
	opens INTEGER NOT NULL DEFAULT 0,
	ports BLOB,                             -- client ports of a few connections, u16
	UNIQUE(conversation, origin, witnesses, client_process, server_process)
);
CREATE INDEX claim_edge ON claim(edge);
CREATE TABLE edge(
	id INTEGER PRIMARY KEY,
	client INTEGER NOT NULL,
	server INTEGER NOT NULL,
	port INTEGER NOT NULL,
	proto INTEGER NOT NULL,
	client_process INTEGER NOT NULL,
	server_process INTEGER NOT NULL,
	extra TEXT NOT NULL DEFAULT '',
	UNIQUE(client, server, port, proto, client_process, server_process)
);
CREATE TABLE merged(                            -- edges that became part of another
	edge INTEGER PRIMARY KEY,
	into_edge INTEGER NOT NULL
);

-- The facts: what each claim said by the minute (edge 0: not counted), what counts by level.
CREATE TABLE fact_minute(
	minute INTEGER NOT NULL,
	claim INTEGER NOT NULL,
	edge INTEGER NOT NULL,
	records INTEGER NOT NULL DEFAULT 0, opens INTEGER NOT NULL DEFAULT 0,
	refused INTEGER NOT NULL DEFAULT 0, timeouts INTEGER NOT NULL DEFAULT 0,
	unreachable INTEGER NOT NULL DEFAULT 0, resets INTEGER NOT NULL DEFAULT 0,
	failed_other INTEGER NOT NULL DEFAULT 0,
	abandoned INTEGER NOT NULL DEFAULT 0, bytes_to_server INTEGER NOT NULL DEFAULT 0,
	bytes_to_client INTEGER NOT NULL DEFAULT 0, retransmits INTEGER NOT NULL DEFAULT 0,
	rtt_sum_us INTEGER NOT NULL DEFAULT 0, rtt_n INTEGER NOT NULL DEFAULT 0,
	bytes_n INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY(minute, claim)
) WITHOUT ROWID;
CREATE TABLE fact_hour(
	hour INTEGER NOT NULL,
	edge INTEGER NOT NULL,
	records INTEGER NOT NULL DEFAULT 0, opens INTEGER NOT NULL DEFAULT 0,
	refused INTEGER NOT NULL DEFAULT 0, timeouts INTEGER NOT NULL DEFAULT 0,
	unreachable INTEGER NOT NULL DEFAULT 0, resets INTEGER NOT NULL DEFAULT 0,
	failed_other INTEGER NOT NULL DEFAULT 0,
	abandoned INTEGER NOT NULL DEFAULT 0, bytes_to_server INTEGER NOT NULL DEFAULT 0,
	bytes_to_client INTEGER NOT NULL DEFAULT 0, retransmits INTEGER NOT NULL DEFAULT 0,
	rtt_sum_us INTEGER NOT NULL DEFAULT 0, rtt_n INTEGER NOT NULL DEFAULT 0,
	bytes_n INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY(hour, edge)
) WITHOUT ROWID;
CREATE TABLE fact_day(
	day INTEGER NOT NULL,
	edge INTEGER NOT NULL,
	records INTEGER NOT NULL DEFAULT 0, opens INTEGER NOT NULL DEFAULT 0,
	refused INTEGER NOT NULL DEFAULT 0, timeouts INTEGER NOT NULL DEFAULT 0,
	unreachable INTEGER NOT NULL DEFAULT 0, resets INTEGER NOT NULL DEFAULT 0,
	failed_other INTEGER NOT NULL DEFAULT 0,
	abandoned INTEGER NOT NULL DEFAULT 0, bytes_to_server INTEGER NOT NULL DEFAULT 0,
	bytes_to_client INTEGER NOT NULL DEFAULT 0, retransmits INTEGER NOT NULL DEFAULT 0,
	rtt_sum_us INTEGER NOT NULL DEFAULT 0, rtt_n INTEGER NOT NULL DEFAULT 0,
	bytes_n INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY(day, edge)
) WITHOUT ROWID;
CREATE TABLE fact_total(
	edge INTEGER PRIMARY KEY,
	first INTEGER NOT NULL DEFAULT 0,       -- by any witness
	last INTEGER NOT NULL DEFAULT 0,
	records INTEGER NOT NULL DEFAULT 0, opens INTEGER NOT NULL DEFAULT 0,
	refused INTEGER NOT NULL DEFAULT 0, timeouts INTEGER NOT NULL DEFAULT 0,
	unreachable INTEGER NOT NULL DEFAULT 0, resets INTEGER NOT NULL DEFAULT 0,
	failed_other INTEGER NOT NULL DEFAULT 0,
	abandoned INTEGER NOT NULL DEFAULT 0, bytes_to_server INTEGER NOT NULL DEFAULT 0,
	bytes_to_client INTEGER NOT NULL DEFAULT 0, retransmits INTEGER NOT NULL DEFAULT 0,
	rtt_sum_us INTEGER NOT NULL DEFAULT 0, rtt_n INTEGER NOT NULL DEFAULT 0,
	bytes_n INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE span(                              -- imported totals, which have no minutes
	id INTEGER PRIMARY KEY,
	claim INTEGER NOT NULL,
	edge INTEGER NOT NULL,                  -- 0: not counted
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	records INTEGER NOT NULL DEFAULT 0, opens INTEGER NOT NULL DEFAULT 0,
	refused INTEGER NOT NULL DEFAULT 0, timeouts INTEGER NOT NULL DEFAULT 0,
	unreachable INTEGER NOT NULL DEFAULT 0, resets INTEGER NOT NULL DEFAULT 0,
	failed_other INTEGER NOT NULL DEFAULT 0,
	abandoned INTEGER NOT NULL DEFAULT 0, bytes_to_server INTEGER NOT NULL DEFAULT 0,
	bytes_to_client INTEGER NOT NULL DEFAULT 0, retransmits INTEGER NOT NULL DEFAULT 0,
	rtt_sum_us INTEGER NOT NULL DEFAULT 0, rtt_n INTEGER NOT NULL DEFAULT 0,
	bytes_n INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX span_claim ON span(claim);

-- Conversations of a minute whose authority depends on this sensor's coverage.
CREATE TABLE contest(
	minute INTEGER NOT NULL,
	sensor INTEGER NOT NULL,
	conversation INTEGER NOT NULL,
	PRIMARY KEY(minute, sensor, conversation)
) WITHOUT ROWID;
