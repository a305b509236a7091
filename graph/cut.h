/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies between the groups of a plan, and what it costs to have a wide-area link in it.
 *
 * Counted are edges between known machines of different groups; a known machine that the plan
 * does not have is the group PLAN_NONE, which stays behind.  Strangers are on neither side.
 * An edge whose connections all failed is no dependency: it is counted as failed alone.
 * Amounts a day are over the days that the graph spans, one at least.
 *
 * Round trips are an estimate from what was seen: one to connect, and in a connection one for
 * every 4 KiB of a database, for every 32 KiB of a file share, else one for the question and
 * one for each doubling of TCP's window (from 14,600 bytes, RFC 6928) that its bytes need.
 * Where bytes are unknown, one.
 */
#ifndef GRAPH_CUT_H
#define GRAPH_CUT_H

#include "graph/plan.h"

/* By port: how much a longer way hurts. */
enum cut_class {
	CUT_DB,	   /* databases and caches: many small questions, hard */
	CUT_FILES, /* file shares, hard */
	CUT_RPC,   /* everything that is none of the others, hard */
	CUT_BATCH, /* transfers, mail, logs: patient, soft */
	CUT_ADMIN, /* logins and management, soft */
	CUT_CLASSES
};
extern const char *const cut_class_word[CUT_CLASSES]; /* "db", "files", "rpc" ... */
enum cut_class cut_class_of(uint8_t proto, uint16_t port);
bool cut_class_hard(enum cut_class c);

struct cut_price {
	uint64_t edges;		/* that carry something */
	uint64_t hard;		/* of them */
	uint64_t failed_only;	/* edges that never worked: not among `edges` */
	uint64_t chatty;	/* pairs of machines whose round trips would hurt */
	uint64_t bytes_unknown; /* edges without bytes */
	double connections;	/* a day, that worked; one still open counts once in all */
	double failed;		/* a day */
	double bytes;		/* a day, both ways */
	double round_trips;	/* a day, estimated: docs/waves.md */
	double wait;		/* seconds a day, all clients together, estimated */
};

/* All edges of one class from the members of one group to those of another. */
struct cut_pair {
	unsigned client, server; /* groups; PLAN_NONE: machines that are in no group */
	enum cut_class class;
	struct cut_price price;
	/*
	 * It lies over the link after the waves [from, until): never, where they are equal;
	 * since before wave 1, where FROM is 0; for good, where UNTIL is PLAN_NONE.
	 */
	unsigned from, until;
};

struct cut_options {
	double rtt_ms;		/* of the link; 0: 20 */
	double chatty;		/* connections a day from which a pair is chatty; 0: 1000 */
	const bool *everywhere; /* by group: replicated, nothing is cut; NULL: none is */
	const bool *done;	/* by group: in the target already; NULL: state says it */
};

struct cut_wave {
	struct cut_price all;	 /* between the sides once this wave has moved */
	struct cut_price fresh;	 /* of it what this wave cuts anew */
	struct cut_price healed; /* was cut till now, both ends are in the target again */
};

struct cuts {
	struct cut_pair *pair; /* by client, server, class */
	unsigned pair_n;
	struct cut_wave *wave; /* wave[N] after wave N; wave[0]: as it is now */
	unsigned wave_n;       /* the highest wave of the plan; the array has one more */
	double days;
};

struct cuts *cut_between(const struct graph *g, const struct plan *p,
			 const struct cut_options *o);
void cut_free(struct cuts *c);

/* As cut_pair has them, for any two groups (or PLAN_NONE). */
void cut_when(const struct plan *p, const struct cut_options *o, unsigned client,
	      unsigned server, unsigned *from, unsigned *until);
void cut_add(struct cut_price *a, const struct cut_price *b);
/* Whether the pair lies over the link once wave N has moved. */
bool cut_crosses(const struct cut_pair *c, unsigned wave);
/*
 * Indexes of the pairs that cross after wave N (0: of all pairs), hard ones first, then those
 * with the most round trips; the caller frees.
 */
unsigned *cut_strongest(const struct cuts *c, unsigned wave, unsigned *n);

#endif
