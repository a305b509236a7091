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

#include "collector/flowport.h"

struct flowreader_order {
	const struct flowport_config *config;
	struct stats *stats;
	int socket[FLOWPORT_LISTEN]; /* bound, non-blocking */
	unsigned sockets_n;
	uint32_t *overrun; /* flowreader_overrun */
};

/*
 * What the kernel has counted on each socket: the sockets outlive the process that reads them,
 * and so does this.  Made before the first one is forked, there until the collector ends.
 */
uint32_t *flowreader_overrun(void);

/* A child_fn; CTX is a struct flowreader_order. */
int flowreader_run(int fd, void *ctx);

#endif
