/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical edges: what the claims of a conversation, put together by common/pair.h, come to.
 *
 * When a process becomes known, the edge of a single claim is called by it; claims of a shared
 * one move to another edge.  An edge that is left without claims goes into that one with all
 * that was counted on it, and its number stays an alias: minutes that were counted on it are
 * found by edge_final.
 */
#ifndef STORE_EDGE_H
#define STORE_EDGE_H

#include "common/err.h"
#include "store/conv.h"
#include "store/priv.h"

/* Gives every claim of V its edge and saves those that change; after a claim was made, or when
 * ports may decide anew.  Behind a NAT the processes are those of the conversations that V is
 * seen as. */
int edge_pair(struct store *s, struct conv *v, struct err *e);
/* Takes C, which has no facts any more, out of V; what its edge has goes to INTO with it. */
int edge_leave(struct store *s, struct conv *v, struct claim *c, int64_t into, struct err *e);
/* True if edge_pair chose among several for some claim. */
bool edge_guessed(const struct conv *v);
int edge_final(struct store *s, int64_t edge, int64_t *out, struct err *e);
/* Further keys of an imported line; of several the greatest stays. */
int edge_extra(struct store *s, int64_t edge, const char *extra, struct err *e);

/* Of memory, about. */
size_t edge_bytes(const struct edge_cache *c);
void edge_free(struct edge_cache *c);

#endif
