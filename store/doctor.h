/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps the map from being whole, from the store alone, for `skein doctor`.  Rows and
 * their strings are borrowed for the length of a call, as in query.h; a function that returns
 * non-zero ends the query, which returns that value.
 */
#ifndef STORE_DOCTOR_H
#define STORE_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

struct doctor_file {
	int schema;	     /* its version */
	uint64_t bytes;	     /* of the file as SQLite sees it */
	uint64_t free_bytes; /* of them, in pages that nothing uses */
};
int doctor_file(struct store *s, struct doctor_file *out, struct err *e);

/*
 * SQLite's quick_check, which reads every page: 0 whole; 1 damaged, with the first of its
 * words in WORDS; negative errno where it could not be run.
 */
enum { DOCTOR_WORDS = 256 };
int doctor_damage(struct store *s, char words[DOCTOR_WORDS], struct err *e);

/*
 * The database that was found damaged and set aside before this one was begun (store/aside.h):
 * 1 and OUT, whose strings are good until the next call; 0 if there was none.
 */
struct doctor_aside {
	const char *file, *why; /* its name, without a folder */
	int64_t when;		/* Unix seconds */
};
int doctor_aside(struct store *s, struct doctor_aside *out, struct err *e);

struct doctor_sensor {
	const char *name, *role;
	const char *machine; /* that it speaks for, else the host that enrolled it, or "" */
	bool revoked;
	int64_t first,
		last; /* Unix seconds; of enrolment or the first word, of the last word */
	uint64_t records, quarantined, rejected; /* counted, and not */
	uint64_t lost, overflow, unnamed;	 /* docs/store.md */
	uint32_t degraded;			 /* bits, of its newest cover */
	uint64_t opens_seen, opens_kernel;	 /* 0: not compared */
	uint64_t gaps;				 /* stretches of which it lost something */
	int64_t gap_first, gap_last;		 /* Unix seconds: of the newest one */
	int64_t worst_hour;			 /* Unix seconds; 0: none is below the whole */
	uint64_t worst_seen, worst_kernel;
	int64_t skew_ms; /* its clock less the collector's; its times are corrected */
	uint64_t jumps;	 /* times that its clock was set */
};
typedef int doctor_sensor_fn(const struct doctor_sensor *row, void *ctx);
/* By machine, then name. */
int doctor_sensors(struct store *s, doctor_sensor_fn *fn, void *ctx, struct err *e);

/* A machine without a sensor, or an address of the own networks that is no known machine. */
struct doctor_stranger {
	const char *name; /* of the machine, or "" */
	const char *ip;	  /* or "" */
	uint64_t edges;	  /* in which it stands at either end */
	uint64_t opens;
};
struct doctor_strangers {
	uint64_t machines, watched; /* that are known */
	uint64_t addresses; /* of the own networks (RFC 1918, 6598, 4193), no machine's */
	uint64_t outside;   /* other addresses */
};
typedef int doctor_stranger_fn(const struct doctor_stranger *row, void *ctx);
/* The LIMIT with most edges, those first. */
int doctor_strangers(struct store *s, unsigned limit, struct doctor_strangers *out,
		     doctor_stranger_fn *fn, void *ctx, struct err *e);

/* An address that a machine lists and another one has: what is said of it is quarantined. */
struct doctor_contested {
	const char *ip, *machine, *holder; /* names; holder may be "" */
};
typedef int doctor_contested_fn(const struct doctor_contested *row, void *ctx);
/* By address, then machine. */
int doctor_contested(struct store *s, doctor_contested_fn *fn, void *ctx, struct err *e);

#endif
