/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of servers as clients addressed them, from what sensors tell of translations. */
#ifndef STORE_SEEN_H
#define STORE_SEEN_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

struct seen;

/* All of them, read once; the caller frees it. NULL with words. */
struct seen *seen_load(struct store *s, struct err *e);
void seen_free(struct seen *t);
/*
 * How CLIENT, by either of its addresses, addressed SERVER's PORT in the realm SITE:
 * "IP:PORT", several with a space between them, "" where nothing was translated.  Borrowed.
 */
const char *seen_find(const struct seen *t, int64_t site, uint8_t proto,
		      const struct addr *client, const struct addr *server, uint16_t port);
/* Whether some host said that it makes another conversation of this one. */
bool seen_is_side(const struct seen *t, int64_t site, uint8_t proto, const struct addr *client,
		  const struct addr *server, uint16_t port);

#endif
