/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each of the collector's processes gives up, for good, before it takes a byte from
 * outside: every capability, new rights (no_new_privs), being looked at by others of its user
 * (PR_SET_DUMPABLE), all system calls but a list, and all files but a few (landlock.h).  A
 * call that is not in the list ends the process, which the kernel's log says; none of the
 * lists starts a program, makes memory executable, looks at another process, or changes the
 * mode of a file by its name (authority_key.h needs that).
 */
#ifndef COLLECTOR_CONFINE_H
#define COLLECTOR_CONFINE_H

#include "common/err.h"

enum confine_kind {
	/* The authority's key: one socket to the collector, no file, no network. */
	CONFINE_AUTHORITY,
	/* Sensors and the database, and what checks it beside them: sockets that are bound;
	 * starts no process, dials nobody. */
	CONFINE_INGEST,
	/* Answers over HTTP: as CONFINE_INGEST. */
	CONFINE_ANSWER,
	/* Datagrams of strangers: UDP sockets that are bound, no file. */
	CONFINE_FLOWS,
	/* Starts the others, and takes no byte of strangers (nursery.h): all that they do, and
	 * processes, of which each then gives up more; reads any file. */
	CONFINE_NURSERY,
	/* Requests of strangers: as CONFINE_FLOWS, and a socket of this machine's, by which
	 * libc asks for the name of an interface when evhttp wants a link-local address in
	 * words. */
	CONFINE_FRONT,
	/* Passes bytes on: as CONFINE_FLOWS, and dials. */
	CONFINE_RELAY,
};

/* Folders that are named by the configuration; NULL for none. */
struct confine_files {
	const char *data;   /* read and written, with all below it */
	const char *config; /* a file; its folder is read, since it may be replaced */
};

/*
 * The last thing before the loop.  Besides FILES (NULL: none) those with a database read the
 * time zone and random numbers, a relay what names are looked up by.  Negative errno with
 * words; the process should end then.
 */
int confine(enum confine_kind kind, const struct confine_files *files, struct err *e);

#endif
