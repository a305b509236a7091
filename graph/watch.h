/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Have we watched long enough?  How much was watched and by whom, when edges were seen for the
 * first time, how many there may be that nobody has seen yet, and when going on would bring
 * next to nothing.
 *
 * Pure.  Sources: Chao, "Nonparametric estimation of the number of classes in a population",
 * 1984 (connections), and "Estimating the population size for capture-recapture data", 1987
 * (days, and the interval); Good, "The population frequencies of species", 1953.  Both count
 * what is rare, so they are lower bounds: a job that runs once a quarter leaves no trace in a
 * month, and no estimate knows of it.
 */
#ifndef GRAPH_WATCH_H
#define GRAPH_WATCH_H

#include "graph/plan.h"

/* A longer window than this sees what runs once a week, once a month. */
enum { WATCH_WEEKLY = 8 * 86400, WATCH_MONTHLY = 35 * 86400 };

struct watch_step {
	int64_t at;	/* its beginning, UTC */
	unsigned fresh; /* edges whose first connection is in it */
	unsigned total; /* edges known at its end */
};

enum watch_method {
	WATCH_NOTHING,	   /* too little to say */
	WATCH_DAYS,	   /* Chao2: edges seen on one and on two days */
	WATCH_CONNECTIONS, /* Chao1: edges with one and with two connections */
};
extern const char *const watch_method_word[3]; /* "none", "days", "connections" */

struct watch_unseen {
	enum watch_method method;
	unsigned seen;	      /* edges that the estimate rests on */
	unsigned once, twice; /* in days or in connections */
	double more;	      /* edges not seen yet, at least */
	double low, high;     /* 95 % interval of the same */
	double complete; /* Good-Turing: share of all traffic that goes over known edges */
};

struct watch {
	int64_t first, last;	    /* what was watched; 0: nothing */
	bool weekly, monthly;	    /* long enough for jobs of that rhythm */
	unsigned machines, sensors; /* known machines, and those with a sensor */
	unsigned strangers;	    /* addresses that are no known machine */
	unsigned edges;	    /* on which anything ever got through; no other is counted */
	unsigned failing;   /* edges on which nothing did */
	unsigned both;	    /* edges whose two ends have sensors ... */
	unsigned one_sided; /* ... of which only one told */
	unsigned nameless;  /* edges with an unknown process at an end that has a sensor */
	unsigned guessed;   /* a process assigned by share */
	unsigned imported;  /* edges that imports alone tell of: first and last, no days */
	unsigned before;    /* edges that were known before the window */
	int64_t step;	    /* seconds of one step of the curve: an hour or a day */
	struct watch_step *curve;
	unsigned curve_n;
	struct watch_unseen unseen;
	/*
	 * The curve's tail, fitted: new edges to be expected on the next day, and the first
	 * day on which fewer than WATCH_PAYS of the edges known would be new.
	 */
	bool fitted;
	double next_day;
	int64_t enough; /* beginning of that day; 0: not yet known */
	bool past;	/* that day is over: watching longer no longer pays */
};
#define WATCH_PAYS 0.001

/* Of all edges.  DAYS: for each edge of G on how many days it was seen, 0: unknown; or NULL.
 */
struct watch *watch_of(const struct graph *g, const unsigned *days);
void watch_free(struct watch *w);

/* The edges that touch a machine of each group, for many groups at little cost. */
struct watch_groups;
struct watch_groups *watch_groups(const struct graph *g, const struct plan *p);
void watch_groups_free(struct watch_groups *x);
struct watch *watch_group(const struct watch_groups *x, const struct graph *g,
			  const struct plan *p, unsigned group, const unsigned *days);

/*
 * How many more there are, from how many were seen once and twice in SAMPLES days (0: in
 * connections, of which there were N).
 */
struct watch_unseen watch_unseen(unsigned seen, unsigned once, unsigned twice,
				 unsigned samples, uint64_t n);

#endif
