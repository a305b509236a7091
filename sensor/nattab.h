/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations that this machine made, added up without client ports: what conntrack says of
 * single connections in, struct translation out, and for an edge of our own the other end's
 * other address. Pure.
 */
#ifndef SENSOR_NATTAB_H
#define SENSOR_NATTAB_H

#include <stdbool.h>

#include "common/fact.h"

/* One connection as conntrack has it: the tuple as it came, and that of the answers. */
struct nat_end {
	struct addr addr;
	uint16_t port;
};
struct nat_tuple {
	uint8_t proto;
	struct nat_end src, dst, reply_src, reply_dst;
};

struct nattab;
struct nattab *nattab_new(unsigned cap);
void nattab_free(struct nattab *t);

/*
 * FRESH: it begins now; else it was there before and counts as none.  One that is not
 * translated, or only in its client's port, is passed over.
 */
void nattab_add(struct nattab *t, const struct nat_tuple *tuple, bool fresh, uint64_t now_ms);

/*
 * F as an end on this machine saw it: F.seen is filled in where its server was translated, and
 * on the client's side F.server and F.port become the server as it is.  Left alone where one
 * seen end stands for several servers: who shared them out is in the translations.
 */
void nattab_apply(const struct nattab *t, struct flow *f);

typedef void nattab_fn(const struct translation *t, void *ctx);
/* Those that are new, or had new connections since the last call, by address. */
void nattab_emit(struct nattab *t, uint64_t now_ms, nattab_fn *fn, void *ctx);
/* Connections that found no room since the last call. */
uint64_t nattab_overflow(struct nattab *t);

#endif
