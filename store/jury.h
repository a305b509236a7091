/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could count in one minute of one conversation, and whose word it is (authority.h).  Told
 * by who decides (count.h) and by who reads what is not decided yet (open.h); asks nobody.
 *
 * Called are the sensors of both ends, whatever they report, since a host that watched may say
 * by its silence that there was nothing; then all that report.  One on the way, a mirror or an
 * exporter, is also heard where it is silent, if there are several and it spoke in the minute
 * before or after: it may have seen there what another one puts here.
 */
#ifndef STORE_JURY_H
#define STORE_JURY_H

#include "store/authority.h"
#include "store/nat.h"

struct jury {
	struct authority_candidate
		list[AUTHORITY_MAX]; /* .worth is for the caller to fill in */
	unsigned n;
	struct nat_word nat;
};

/* The sensors of the client's and the server's machine, 0: none; NAT says who is blind. */
void jury_begin(struct jury *j, int64_t client, int64_t server, const struct nat_word *nat);
/* A claim of ORIGIN, in the order of their numbers. */
void jury_hear(struct jury *j, enum witness kind, int64_t origin, bool reports);
/* NULL: as it was; else a candidate, or one whose word nobody's is. */
const struct authority_candidate *jury_verdict(const struct jury *j);

static inline bool jury_on_the_way(enum witness kind, int64_t origin)
{
	return origin > 0 && kind >= WITNESS_MIRROR;
}

#endif
