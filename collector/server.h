/* SPDX-License-Identifier: Apache-2.0 */
/* The collector as a whole: listener, signals, and the end of it all. */
#ifndef COLLECTOR_SERVER_H
#define COLLECTOR_SERVER_H

#include <stdint.h>

#include "collector/http.h"
#include "common/addr.h"
#include "collector/flowport.h"
#include "common/err.h"
#include "store/fold.h"
#include "store/retain.h"

struct server_config {
	struct http_config http;
	/* For SIGHUP: the configuration as it is by now, good until the next call; NULL when
	 * it is wrong, which has been said. */
	const struct server_config *(*again)(void *ctx);
	void *again_ctx;
	const char *file; /* the configuration's, whether or not it is there */
	const char *dir;
	const char *host; /* "" for any address */
	uint16_t port;	  /* 0 for any that is free; DIR/collector.addr then says which */
	struct flowport_config flows;
	struct retain keep;
	unsigned memory_mb; /* of the database's caches */
	int ready_fd; /* gets the address as a line, and is closed, once it listens; or -1 */
	struct fold fold;	       /* of clients outside the estate */
	const struct addr_net *relays; /* what they say of whom they speak for is believed */
	unsigned relays_n;
	uint32_t life_s; /* of sensors' certificates, for tests; 0: as it should be */
};

/*
 * Runs until SIGTERM or SIGINT: then commits and acknowledges what has arrived, and returns 0.
 * -EWOULDBLOCK when another collector runs in DIR, another negative errno when it cannot
 * start, -EBADMSG or -EIO when its database was found damaged while it ran, or -EPIPE when its
 * processes have died, so that it is to be started again; words in all cases.
 */
int server_run(const struct server_config *config, struct err *e);

#endif
