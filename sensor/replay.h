/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded lines told to a collector as if they were seen now (retell.h), each exactly once:
 * the place that was reached lies in the spool with the batch that goes up to it, so that a
 * replay that is killed goes on there, with times moved as before.
 *
 * Which files they are is known by the hash of their bytes, in their order.  Standard input is
 * copied to a temporary file first.
 */
#ifndef SENSOR_REPLAY_H
#define SENSOR_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

struct proxy;

struct replay_config {
	const char *const *path; /* "-": standard input */
	unsigned n;
	const char *host; /* the collector */
	uint16_t port;
	const char *dir; /* where enrolment left its files; the spool is in DIR/spool */
	uint64_t spool_bytes, spool_free; /* as in courier.h, */
	const struct proxy *proxy;	  /* and this, too */
	bool again;			  /* from the beginning, whatever was told before */
};

/*
 * Until the collector has acknowledged everything, however long that takes.  The exit status:
 * EXITS_PARTIAL where lines were left out.
 */
int replay_run(const struct replay_config *config);

#endif
