/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each of the collector's processes gives up, for good, before it takes a byte from
 * outside: every capability, new rights (no_new_privs), being looked at by others of its user
 * (PR_SET_DUMPABLE), and all system calls but a list.  A call that is not in it ends the
 * process, which the kernel's log says; none of the lists starts a program, makes memory
 * executable, or looks at another process.
 */
#ifndef COLLECTOR_CONFINE_H
#define COLLECTOR_CONFINE_H

#include "common/err.h"

enum confine_kind {
	/* The authority's key: one socket to the collector, no file, no network. */
	CONFINE_AUTHORITY,
	/* Sensors and the database, and what checks it beside them: files where the user may,
	 * sockets that are bound; starts no process, dials nobody. */
	CONFINE_INGEST,
	/* Answers over HTTP: as CONFINE_INGEST. */
	CONFINE_ANSWER,
	/* Datagrams of strangers: UDP sockets that are bound, no file. */
	CONFINE_FLOWS,
	/* Requests of strangers: as CONFINE_FLOWS, and a socket of this machine's, by which
	 * libc asks for the name of an interface when evhttp wants a link-local address in
	 * words. */
	CONFINE_FRONT,
	/* Passes bytes on: as CONFINE_FLOWS, and dials. */
	CONFINE_RELAY,
};

/* The last thing before the loop.  Negative errno with words; the process should end then. */
int confine(enum confine_kind kind, struct err *e);

#endif
