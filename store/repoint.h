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
/* Which claims, and of when. */
struct repoint {
	int64_t from, to; /* minutes, both included */
	int64_t of;	  /* those that came by this conversation; 0: all */
	bool keep_via;	  /* else: */
	int64_t via;	  /* how they came is this from now on */
	int64_t but;	  /* a sensor whose claims stay; 0: none */
};
/* What sensors said of V was said of W. */
int repoint_conv(struct store *s, struct conv *v, struct conv *w, const struct repoint *p,
		 struct err *e);

#endif
