/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of shared services, what they are called, and what to do about each when machines
 * move.  A prior only: that a machine is shared is told by who uses it (graph/shared.h).
 */
#ifndef GRAPH_SERVICE_H
#define GRAPH_SERVICE_H

#include <stdint.h>

enum service {
	SERVICE_NONE,
	SERVICE_DIRECTORY,
	SERVICE_DNS,
	SERVICE_TIME,
	SERVICE_MONITORING,
	SERVICE_BACKUP,
	SERVICE_LOGS,
	SERVICE_PATCHING,
	SERVICE_SCANNER,
	SERVICE_JUMP,
	SERVICE_FILES,
	SERVICE_DATABASE,
	SERVICE_BUS,
	SERVICE_BALANCER,
	SERVICE_PROXY,
	SERVICE_MAIL,
	SERVICE_CONFIG, /* configuration management */
	SERVICE_CI,	/* build and deployment */
	SERVICE_SIGN_ON,
	SERVICE_SECRETS,
	SERVICE_SCHEDULER,
	SERVICE_LICENCE,
	SERVICE_ANTIVIRUS,
	SERVICE_PKI,
	SERVICE_PLATFORM, /* many use it, and nothing tells what it is */
	SERVICE_COUNT
};

/* What becomes of a shared service when its users move. */
enum service_advice {
	SERVICE_REPLICATE, /* stands in the new place before anybody moves: directory, DNS */
	SERVICE_STRETCH,   /* stays and is reached over the link, moves when most users have */
	SERVICE_FIRST,	   /* moves in the first wave */
	SERVICE_LAST,	   /* moves when nobody is left behind */
};

/* "directory"; a name that stands in JSON and the database.  "" for none. */
const char *service_word(enum service s);
/* "Directory (LDAP, Kerberos)": for people. */
const char *service_title(enum service s);
enum service service_of_word(const char *word); /* SERVICE_NONE for an unknown one */
enum service_advice service_advice(enum service s);
/* "replicate", "stretch", "first", "last". */
const char *service_advice_word(enum service_advice a);
/* One sentence for a planner. */
const char *service_advice_text(enum service s);

#endif
