/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process without rights: takes batches from the watcher's pipe, keeps them in the spool,
 * and speaks to the collector (confine.h, handover.h, link.h).  It never sees the kernel,
 * /proc of others, or anything but finished batches, and the watcher never sees the network.
 *
 * It ends when the pipe does: after the last acknowledgement, or PATIENCE_S; where the watcher
 * died without the orderly end it sends what it has in a few seconds, so not even that loses
 * anything.
 */
#ifndef SENSOR_COURIER_H
#define SENSOR_COURIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct proxy;

struct courier_config {
	const char *host; /* the collector */
	uint16_t port;
	const char *dir; /* where enrolment left its files */
	/* What is told can wait: it is not taken faster than the collector acknowledges, and
	 * in the end the last acknowledgement is waited for however long it takes. */
	bool patient;
	const struct proxy *proxy; /* on the way there; NULL or without a host: none */
};

struct courier {
	pid_t pid; /* 0: there is none */
	int out;   /* batches to it */
	int back;  /* enum handover_word from it */
};

/*
 * Forks it, and waits until it has its identity and has given up its rights.  Before any
 * thread, event loop or probe exists in this process.  Negative errno with words.
 */
int courier_start(const struct courier_config *config, struct courier *out, struct err *e);
/*
 * Says that this was all and waits for the end.  0 when everything was acknowledged; -EAGAIN
 * with words when something was not.
 */
int courier_finish(struct courier *c, struct err *e);

#endif
