/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waves: which groups of a plan move when.
 *
 * A group waits for the groups that serve it: the wave of a server is not after that of its
 * client, as far as capacity and cycles allow; what had to be broken is listed.  Groups that
 * talk much move together.  Lower environments move before production of the same
 * application.  Shared services are treated as rules say (graph/service.h has the default).
 *
 * Pure: the same graph, plan and rules give the same waves, in whatever order facts came.
 * Bytes of a machine are what its disks use: `disk_used_bytes` or `used_gb` (10^9) of the
 * keys that came with it.
 */
#ifndef GRAPH_WAVES_H
#define GRAPH_WAVES_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/plan.h"

enum { WAVES_MAX = 10000 };
#define WAVES_NO_PILOT UINT_MAX

/* No cutover in [from, to). */
struct wave_freeze {
	int64_t from, to;
};

/* A service that is treated otherwise than its kind; the most particular rule holds. */
struct wave_shared {
	char *what; /* name of a shared entry, word of a service, or "all" */
	enum service_advice advice;
};

/* All zeros: no wishes.  graph/wave_rules.h makes, copies, writes and reads them. */
struct wave_rules {
	unsigned capacity;	 /* machines a wave; 0: a twentieth of all, 10 at least */
	uint64_t capacity_bytes; /* a wave; 0: no limit */
	unsigned pilot;	       /* machines of the first wave; 0: 9 where there are over 100 */
	uint64_t link_bits;    /* a second, for replication; 0: unknown */
	uint64_t assume_bytes; /* of a machine whose bytes are unknown */
	int64_t start, deadline; /* Unix seconds; 0: none */
	int64_t every;		 /* seconds between cutovers; 0: a week, if there is a date */
	unsigned rtt_us;	 /* of the link, for what a cut costs; 0: 20 ms */
	unsigned chatty;	 /* connections a day from which a pair is chatty; 0: 1000 */
	int64_t today;		 /* for whoever has a clock, not kept; 0: unknown */
	struct wave_freeze *freeze; /* sorted, none overlaps another */
	unsigned freeze_n;
	struct wave_shared *shared; /* by `what` */
	unsigned shared_n;
};

struct wave {
	unsigned number;	/* from 1, without a gap unless a person made it */
	int64_t cutover;	/* 0: no calendar, or no slot was left */
	int64_t replicate_from; /* cutover less the hours; 0: unknown */
	unsigned groups;	/* that move in it; not what is only replicated */
	unsigned machines;	/* the same */
	unsigned bytes_unknown; /* machines that count nothing, or what was assumed */
	uint64_t bytes;
	double hours; /* to replicate; 0: unknown */
	bool over;    /* one group alone is more than the capacity, or people put too much */
	bool tight;   /* the hours do not fit between this cutover and the one before */
};

/* Where one group of the plan went. */
struct wave_place {
	unsigned wave;		    /* as plan_group.wave; 0: done before waves were counted */
	enum service_advice advice; /* of a shared one */
	bool done;		    /* moved or verified: it is in the target already */
	bool kept;		    /* approved: it keeps the wave that it had */
	bool everywhere;	    /* replicated: its users reach a replica, nothing is cut */
	unsigned waits_for;	    /* the group that it had to wait for, PLAN_NONE: none */
	char *reason;		    /* one line */
};

/* A client that moves before its server, and what they exchange. */
struct wave_against {
	unsigned client, server; /* groups */
	uint64_t connections;	 /* over the whole window */
	unsigned client_wave, server_wave;
	bool cycle; /* they depend on each other over some way */
};

/* Groups that depend on each other in a circle. */
struct wave_cycle {
	unsigned *group, group_n; /* ascending */
	unsigned waves;		  /* over how many it is spread; 1: kept together */
};

struct waves {
	struct wave *wave;
	unsigned wave_n;
	unsigned first;		  /* the first that is still to come */
	struct wave_place *place; /* one for each group of the plan */
	unsigned place_n;
	struct wave_against *against; /* most connections first */
	unsigned against_n;
	struct wave_cycle
		*cycle; /* largest first; circles over shared services do not count */
	unsigned cycle_n;
	unsigned capacity, pilot; /* as they were used; pilot 0: none */
	unsigned slots; /* cutovers that the calendar has till the deadline; 0: any */
	int64_t finish; /* the last cutover, 0: no calendar */
	bool late;	/* they do not fit the calendar; a note says why */
	char **note;	/* what does not fit or is not known, a sentence each */
	unsigned note_n;
};

/*
 * Sets p->group[].wave.  Groups in state moved or verified keep theirs and are not scheduled,
 * approved ones that have a wave keep it.
 */
struct waves *waves_assign(const struct graph *g, struct plan *p,
			   const struct wave_rules *rules);
void waves_free(struct waves *w);

/* The wave of that number, NULL for none. */
const struct wave *waves_number(const struct waves *w, unsigned number);

#endif
