/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many others an address and port speaks with: a service with many, a client's port with
 * one.  A bounded table; where it is full, what was heard of longest ago is forgotten.  Pure.
 */
#ifndef COLLECTOR_FLOWS_FANIN_H
#define COLLECTOR_FLOWS_FANIN_H

#include "common/addr.h"

enum { FANIN_MAX = 65536, FANIN_MOST = 64 };

struct fanin;

struct fanin *fanin_new(uint64_t seed);
void fanin_free(struct fanin *t);

struct fanin_end {
	struct addr addr;
	uint16_t port;
	uint8_t proto;
};
/* END was seen to speak with PEER; of the same protocol. */
void fanin_add(struct fanin *t, const struct fanin_end *end, const struct fanin_end *peer);
/* About how many peers, at most FANIN_MOST: never more than there were. */
unsigned fanin_peers(const struct fanin *t, const struct fanin_end *end);

#endif
