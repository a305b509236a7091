-- SPDX-License-Identifier: Apache-2.0
-- Plans, what people say of groups, and their edits (schema 2); docs/store.md says why so.

-- Each run of the grouper is a plan.
CREATE TABLE plan(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	made_ms INTEGER NOT NULL,
	since INTEGER NOT NULL,                 -- the window, seconds, 0: open
	until INTEGER NOT NULL,
	label TEXT NOT NULL DEFAULT ''          -- a person's word for it; such plans stay
);
CREATE TABLE plan_group(
	plan INTEGER NOT NULL,
	number INTEGER NOT NULL,                -- within the plan, from 0
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	service TEXT NOT NULL,
	env TEXT NOT NULL,
	site TEXT NOT NULL,
	reason TEXT NOT NULL,
	confidence REAL NOT NULL,
	wave INTEGER NOT NULL,                  -- 0: none
	PRIMARY KEY(plan, number)
) WITHOUT ROWID;
CREATE TABLE plan_machine(
	plan INTEGER NOT NULL,
	machine TEXT NOT NULL,                  -- ident: it outlives numbers
	number INTEGER NOT NULL,                -- of its group
	confidence REAL NOT NULL,
	users INTEGER NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY(plan, machine)
) WITHOUT ROWID;

-- What people say of a group belongs to its name and outlives plans.
CREATE TABLE group_label(
	name TEXT PRIMARY KEY,
	state TEXT NOT NULL,
	owner TEXT NOT NULL,
	notes TEXT NOT NULL,
	named INTEGER NOT NULL,
	accepted INTEGER NOT NULL,
	locked INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE edit(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	made_ms INTEGER NOT NULL,
	slot TEXT NOT NULL UNIQUE,              -- what it decides: a later edit of that takes its place
	kind TEXT NOT NULL,
	machine TEXT NOT NULL,
	other TEXT NOT NULL,
	name TEXT NOT NULL,
	size INTEGER NOT NULL
);
CREATE TABLE setting(
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
