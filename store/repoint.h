/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts that turn out to be of something else than was known when they came: a lease that was
 * told late, a translation.  Their rows go there with all that was counted of them.
 */
#ifndef STORE_REPOINT_H
#define STORE_REPOINT_H

#include "common/err.h"
#include "store/conv.h"
#include "store/priv.h"

enum { REPOINT_MINUTES = 1440 }; /* what is older stays where it is */

/* What was said of FROM in the minutes after TO began was said of TO. */
int repoint_endpoint(struct store *s, const struct endpoint *from, const struct endpoint *to,
		     struct err *e);
/* What sensors said of V in [FROM, TO] minutes was said of W. */
int repoint_conv(struct store *s, struct conv *v, struct conv *w, int64_t from, int64_t to,
		 struct err *e);

#endif
