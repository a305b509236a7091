/* SPDX-License-Identifier: Apache-2.0 */
/* For readers: edges by number, where one that became part of another is found there. */
#ifndef STORE_ALIAS_H
#define STORE_ALIAS_H

#include <stddef.h>

#include "common/err.h"
#include "store/priv.h"

struct alias {
	int64_t edge, into;
};

struct aliases {
	struct alias *list; /* by edge */
	size_t n;
};

int alias_load(struct store *s, struct aliases *out, struct err *e);
void alias_fini(struct aliases *a);
/* The number under which EDGE is kept now; a circle, which is damage, ends somewhere. */
int64_t alias_tip(const struct aliases *a, int64_t edge);

#endif
