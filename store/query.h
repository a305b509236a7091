/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known, read: rows in a fixed order, handed one by one to a function.  The rows and
 * all their strings are borrowed for the length of the call.  A function that returns non-zero
 * ends the query, and the query returns that value.
 *
 * A window that is not given means all that is kept (the total level).  A window is answered
 * from whole days, then hours, then minutes at its ends (where those are no longer kept, from
 * the whole hour or day, retain.h); imported totals count whole when
 * their [first, last] overlaps it.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fact.h"
#include "store/store.h"

struct filter {
	const char *machine;  /* id, name or address of either end; NULL: any */
	const char *process;  /* short name of either end; NULL: any */
	int port;	      /* service port; 0: any */
	int64_t since, until; /* Unix seconds, [since, until); 0: open */
	bool undated;	      /* machines without first and last, which cost a scan */
};

struct machine_row {
	const char *id, *name;
	const char *os, *kernel, *arch, *site;
	const char *realm;	/* of its sensor, "" for the one without a name */
	const char *const *ips; /* sorted text */
	unsigned ips_n;
	bool sensor;	       /* watched by a sensor of its own */
	uint32_t cores;	       /* 0: unknown */
	uint64_t memory_bytes; /* 0: unknown */
	int64_t first, last;   /* seconds of the first and last fact about it, 0: none */
	const char *extra;     /* inventory and further keys as a JSON object, or "" */
	/* By its sensor: opens that were seen and that the kernel counted, 0: not compared. */
	uint64_t opens_seen, opens_kernel;
	uint64_t lost;	   /* records that were dropped before they could be sent */
	uint64_t overflow; /* connections that fitted no table */
	uint64_t unnamed;  /* processes that were gone before they could be named */
	uint32_t degraded; /* bits of enum degraded */
	int64_t skew_ms;   /* its clock less the collector's; its times are corrected */
};

/* One end of an edge.  ID is NULL for an address that is no known machine. */
struct end_row {
	const char *id, *name;	/* name is "" where id is NULL */
	const char *ip;		/* "" where only the machine is known */
	const char *realm;	/* of the address, "" for the one without a name */
	struct process process; /* name "" : unknown */
};

struct edge_row {
	int64_t edge; /* stable within the database */
	struct end_row client, server;
	uint8_t proto;
	uint16_t port;
	struct counters c;
	uint64_t live, pending;
	int64_t first, last;  /* Unix seconds */
	unsigned witnesses;   /* bit 1 << enum witness */
	bool guess;	      /* a process of it was assigned by share, not known */
	bool unauthenticated; /* nobody but exporters over UDP speaks of it */
	uint32_t sampling;    /* amounts are scaled: 1 packet in so many was looked at; or 0 */
	const char *server_seen; /* as clients addressed it, where it was translated; or "" */
	const char *extra;	 /* further keys of an imported line as a JSON object, or "" */
};

struct listener_row {
	const char *machine, *machine_name;
	struct process process;
	const char *ip;
	uint8_t proto;
	uint16_t port;
	int64_t first, last;
	bool current; /* still there when the machine last spoke */
};

/* One metric of one device of a machine, over all that is kept (units: common/fact.h). */
struct usage_row {
	enum usage_metric metric;
	const char *device;	 /* "" for the whole machine */
	uint64_t mean, p95, max; /* mean by samples; 95 % of the slots' means are no higher */
	uint64_t slots;		 /* of at most ten minutes */
	int64_t first, last;	 /* Unix seconds */
};

/* What the numbers rest on; the counters of all sensors added up. */
struct health {
	uint64_t sensors;
	uint64_t records; /* counted */
	uint64_t quarantined, rejected, lost, overflow;
	uint64_t late;	     /* of those lost: came when their minute was gone (retain.h) */
	int64_t first, last; /* Unix seconds of the oldest and newest fact, 0: none */
};

typedef int query_machine_fn(const struct machine_row *row, void *ctx);
typedef int query_edge_fn(const struct edge_row *row, void *ctx);
typedef int query_edge_days_fn(int64_t edge, unsigned days, void *ctx);
typedef int query_listener_fn(const struct listener_row *row, void *ctx);

/* By name, then id.  Of the filter only `machine` and `undated` are used. */
int query_machines(struct store *s, const struct filter *f, query_machine_fn *fn, void *ctx,
		   struct err *e);
/* By client name, server name, port, then processes, then ips: a total order. */
int query_edges(struct store *s, const struct filter *f, query_edge_fn *fn, void *ctx,
		struct err *e);
/*
 * On how many days (UTC) of the window each edge was seen, by edge; of the filter only the
 * window is used, whole days around it.  What imports alone tell of is not among them.
 */
int query_edge_days(struct store *s, const struct filter *f, query_edge_days_fn *fn, void *ctx,
		    struct err *e);
/* By machine name, port, address. */
int query_listeners(struct store *s, const struct filter *f, query_listener_fn *fn, void *ctx,
		    struct err *e);
/* Opens of one network namespace of a machine, or of its worst hour. */
struct capture_row {
	uint32_t netns; /* 0: those beyond the cap, together */
	int64_t hour;	/* hours since 1970: the worst one; -1: a namespace */
	uint64_t active_seen, active_kernel, passive_seen, passive_kernel;
};
typedef int query_capture_fn(const struct capture_row *row, void *ctx);
/* Namespaces by number, then the hour in which the smallest share was seen. */
int query_captures(struct store *s, const char *ident, query_capture_fn *fn, void *ctx,
		   struct err *e);
typedef int query_usage_fn(const struct usage_row *row, void *ctx);
/* By metric and device, of the machine whose id is IDENT. */
int query_usage(struct store *s, const char *ident, query_usage_fn *fn, void *ctx,
		struct err *e);
int query_health(struct store *s, struct health *out, struct err *e);

#endif
