/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `skein-collector --relay`: for networks whose machines reach nothing but this one.  It
 * passes the bytes of each connection to the collector, or to the next relay, and back.  They
 * are TLS from end to end: a relay has no key, can neither read nor change them, and need not
 * be trusted.  It has no store, and loses nothing when it ends: what was not acknowledged is
 * sent again.
 *
 * In front of a connection's bytes it says for whom it speaks (origin.h).
 */
#ifndef COLLECTOR_RELAY_H
#define COLLECTOR_RELAY_H

#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "common/proxy.h"

enum {
	RELAY_PAIRS = 16384,	      /* connections, with that to the other end; less where
					 there are few descriptors */
	RELAY_STRANGERS = 1024,	      /* of them the other end has said nothing yet */
	RELAY_STRANGERS_SOURCE = 256, /* of those from one address */
	RELAY_EARLY = 16 << 10,	      /* bytes before the other end says anything */
	RELAY_HELD = 32 << 10,	      /* one way, that the other side does not take: from
					 there on no more is read */
	RELAY_ANSWER_S = 20,	      /* to reach the other end and hear of it */
	RELAY_IDLE_S = 900,	      /* without a byte either way */
	RELAY_HALF_S = 60,	      /* the same once one side has ended */
	RELAY_DRAIN_S = 3,
};

struct relay_config {
	const char *host; /* to listen on; "" for any address */
	uint16_t port;	  /* 0 for any that is free */
	const char *to_host;
	uint16_t to_port;
	const struct proxy *proxy;     /* on the way there; one without a host is none */
	const struct addr_net *relays; /* what they say of whom they speak for is believed */
	unsigned relays_n;
	int ready_fd; /* gets the address as a line, and is closed, once it listens; or -1 */
};

/*
 * Runs until SIGTERM or SIGINT: then passes on what it holds, and returns 0.  A negative errno
 * with words when it cannot start.
 */
int relay_run(const struct relay_config *config, struct err *e);

#endif
