/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind a relay: version 2 of the PROXY protocol (haproxy's proxy-protocol.txt,
 * section 2.2), which comes before all other bytes of a connection.  Nothing of TLS begins
 * with its first byte, so it may be there or not.
 *
 * Pure: bytes in, a struct out, and the other way round.
 */
#ifndef COLLECTOR_ORIGIN_H
#define COLLECTOR_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/buf.h"

enum {
	ORIGIN_FIRST = '\r', /* its first byte */
	ORIGIN_HEAD = 16,    /* as much says how long it is */
	ORIGIN_MAX = 536,    /* the longest that is taken, additions after the addresses too */
};

struct origin {
	bool known; /* else it says only that a relay has made this connection for itself */
	struct addr addr;
	uint16_t port;
};

/*
 * The whole length of the header whose first ORIGIN_HEAD bytes are at P: at most ORIGIN_MAX,
 * or -EPROTO if this is none, or one that is not understood.
 */
int origin_length(const uint8_t p[ORIGIN_HEAD]);
/* P[0..N) is that whole header; -EPROTO if its addresses are cut. */
int origin_get(const uint8_t *p, size_t n, struct origin *out);
/* For a TCP connection from FROM to TO. */
void origin_put(struct buf *b, const struct addr *from, uint16_t from_port,
		const struct addr *to, uint16_t to_port);

#endif
