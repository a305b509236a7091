/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe watches connections and tells a sink what it saw.  One file a probe, one row in the
 * table of probe.c.  A probe knows nothing of edges in user space, batches or collectors.
 */
#ifndef SENSOR_PROBE_H
#define SENSOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"
#include "common/err.h"

struct probe_sink {
	void *ctx;
	void (*process)(void *ctx, const struct process_event *e);
	/* What was closed or failed on an edge; also from poll, before the interval ends. */
	void (*closed)(void *ctx, const struct edge_key *key, const struct edge_val *val);
	/* A connection that is open at the end of this interval. */
	void (*live)(void *ctx, const struct live_record *r);
	/* A socket that listens at the end of this interval. */
	void (*listener)(void *ctx, const struct listener_key *key,
			 const struct listener_val *val);
};

struct probe_config {
	uint32_t max_edges;   /* between two drains; many new ones have it drained early */
	uint32_t max_sockets; /* open at once */
	bool no_udp;	      /* TCP alone */
	bool udp_hooks_alone; /* as on kernels before 6.3: for tests */
};

/* One interval, in boot time, and what did not fit a table during it. */
struct probe_interval {
	uint64_t start_ns, end_ns;
	uint64_t drops[DROP_COUNT];
	uint32_t degraded; /* bits of enum degraded (common/fact.h) that the probe knows of */
};

/* What a probe itself costs, since it was opened. */
struct probe_cost {
	/* Of programs in the kernel, 0 where it cannot be known.  Measured now and then; the
	 * time between is taken to be like the last that was measured. */
	uint64_t run_ns, runs;
	uint64_t map_bytes; /* kernel memory of maps now */
};

/* What is taken away when a budget is passed: sensor/governor.h decides. */
enum probe_shed {
	SHED_NOTHING,
	SHED_READER, /* owners are listeners or acceptors from now on */
	SHED_ALL,
};

struct probe_state;

struct probe {
	const char *name, *help;
	/*
	 * Attaches first, then looks at what is open already.  NULL with words: what is
	 * missing and what to do.  A probe that was not built in has no open.
	 */
	struct probe_state *(*open)(const struct probe_config *config,
				    const struct probe_sink *sink, struct err *e);
	/* A descriptor to wait for; when it is readable call poll. */
	int (*fd)(struct probe_state *st);
	void (*poll)(struct probe_state *st);
	/* Ends an interval: tells the sink everything in it.  Negative errno with words. */
	int (*drain)(struct probe_state *st, struct probe_interval *out, struct err *e);
	void (*close)(struct probe_state *st);
	/* May be NULL, as may shed. */
	void (*cost)(struct probe_state *st, struct probe_cost *out);
	/* There is no way back but to open the probe again. */
	void (*shed)(struct probe_state *st, enum probe_shed what);
};

extern const struct probe probe_ebpf;
extern const struct probe probe_poll;
extern const struct probe *const probe_table[]; /* ends with NULL */

/* NULL if there is none of that name. */
const struct probe *probe_find(const char *name);

/*
 * Opens the best probe that runs here: eBPF, else the fallback, with a line in the log that
 * says why and what is lost.  0, or negative with words of both.
 */
int probe_choose(const struct probe_config *config, const struct probe_sink *sink,
		 const struct probe **probe, struct probe_state **st, struct err *e);

#endif
