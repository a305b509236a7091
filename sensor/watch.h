/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process with rights: probe, owners and edges, on one loop, told interval by interval to
 * an output: batches for the courier, or the sums of one file.  It never speaks to a network.
 */
#ifndef SENSOR_WATCH_H
#define SENSOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "sensor/probe.h"

struct proxy;

struct watch_config {
	const struct probe *probe; /* NULL: the best one that runs here */
	struct probe_config limits;
	const char *host;	   /* the collector; "": nobody is told */
	const struct proxy *proxy; /* on the way there; NULL or without a host: none */
	uint16_t port;
	const char *dir;      /* where enrolment left its files */
	unsigned interval_ms; /* divides a minute */
	int ready_fd;	      /* gets "ready\n" when the probe is attached; -1: nobody waits */
	bool show;	      /* print what is sent on standard output */
	const char *once;     /* write one file at the end, and tell nobody; NULL: no */
	unsigned for_ms; /* stop by itself after so long, from the attaching; 0: on a signal */
	unsigned cpu_permille;	  /* of one core, kernel side counted; 0: no budget */
	uint64_t memory_bytes;	  /* maps counted; 0: no budget */
	const char *deny_kernels; /* further patterns, or NULL */
	bool keep_args;
	bool no_nat; /* translations are not listened to */
	/*
	 * On SIGHUP: OUT as it would be by now; 0, or -1 with words in the log.  Of it the
	 * interval and the budgets are taken; the rest is for a restart.
	 */
	int (*reread)(void *ctx, struct watch_config *out);
	void *reread_ctx;
};

/*
 * Watches until SIGTERM or SIGINT (or FOR_MS), then has what it saw sent and acknowledged.  0;
 * -EAGAIN when something was left unacknowledged, or the watch was degraded in once mode;
 * another negative errno when it could not start.  Words in all cases but 0.
 */
int watch_run(const struct watch_config *config, struct err *e);

#endif
