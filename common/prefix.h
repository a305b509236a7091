/* SPDX-License-Identifier: Apache-2.0 */
/* A block of addresses: "10.1.0.0/16", "2001:db8::/32", or one address. */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include "common/addr.h"

struct prefix {
	struct addr addr; /* bits beyond the length are 0 */
	unsigned bits;	  /* of the 128: IPv4 counts from 96 */
};

/* -EINVAL for anything else, also for an address with bits behind the prefix. */
int prefix_parse(const char *text, struct prefix *out);
bool prefix_has(const struct prefix *p, const struct addr *a);

#endif
