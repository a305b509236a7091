/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process without rights: takes batches from the watcher's pipe, keeps them in the spool,
 * and speaks to the collector (confine.h, handover.h, link.h).  It never sees the kernel,
 * /proc of others, or anything but finished batches, and the watcher never sees the network.
 *
 * It ends when the pipe does: after the last acknowledgement, or PATIENCE_S, or at once where
 * nobody answers and all that is left lies on disk, for the next start.  Where the watcher
 * died without the orderly end it sends what it has in a few seconds.
 */
#ifndef SENSOR_COURIER_H
#define SENSOR_COURIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "sensor/segment.h"

struct proxy;

struct courier_config {
	const char *host; /* the collector */
	uint16_t port;
	const char *dir;      /* where enrolment left its files; the spool is in DIR/spool */
	uint64_t spool_bytes; /* at most; 0: in memory alone */
	uint64_t spool_free; /* of the file system, left to others; COURIER_FREE: what is usual
			      */
	/* Places count: rather nothing than in memory, and nothing is dropped. */
	bool only_disk;
	/* What is told can wait: it is not taken faster than the collector acknowledges, and
	 * in the end the last acknowledgement is waited for however long it takes. */
	bool patient;
	const struct proxy *proxy; /* on the way there; NULL or without a host: none */
};

/* 256 MiB or a twentieth of the file system, whichever is less. */
#define COURIER_FREE UINT64_MAX

struct courier {
	pid_t pid;		  /* 0: there is none */
	int out;		  /* batches to it */
	int back;		  /* enum handover_word from it */
	struct spool_place place; /* the last that was kept; order 0: none */
	bool place_known;	  /* false: one was kept, and is damaged */
};

/*
 * Forks it, and waits until it has its identity and has given up its rights.  Before any
 * thread, event loop or probe exists in this process.  Negative errno with words.
 */
int courier_start(const struct courier_config *config, struct courier *out, struct err *e);
/*
 * Says that this was all and waits for the end.  0 when everything was acknowledged, or lies
 * on disk for the next start; -EAGAIN with words when something was lost.
 */
int courier_finish(struct courier *c, struct err *e);
/* As if this process had died: what it has been given it keeps, and sends in a few seconds. */
void courier_abandon(struct courier *c);

#endif
