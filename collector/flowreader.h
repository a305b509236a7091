/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads datagrams of exporters: no file, no socket but those that were open,
 * and its memory bounded whatever comes.
 *
 * When it ends it is started again (a fault in a decoder must not be the end of all flows);
 * what it had not handed over is then lost, and flow_restarts says so.
 */
#ifndef COLLECTOR_FLOWREADER_H
#define COLLECTOR_FLOWREADER_H

#include "collector/flowheld.h"
#include "collector/flowport.h"

struct flowreader_order {
	struct stats *stats;
	int socket[FLOWPORT_LISTEN]; /* bound, non-blocking */
	unsigned sockets_n;
	struct flowreader_left *left;
};

/* What outlives a reader, for the next one. */
struct flowreader_left {
	uint32_t overrun[FLOWPORT_LISTEN]; /* as the kernel counted last on each socket */
	struct flowheld held;
};

/* All 0, shared with every process forked afterwards, there until the collector ends. */
struct flowreader_left *flowreader_left(void);

/* A child_fn; CTX is a struct flowreader_order. */
int flowreader_run(int fd, void *ctx);

#endif
