/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/fanin.h"

#include <stdlib.h>

#include "common/addrmix.h"
#include "common/mem.h"

enum { WAYS = 8, SETS = FANIN_MAX / WAYS };

struct row {
	struct fanin_end end;
	uint32_t turn;	/* when it was heard of last */
	uint64_t peers; /* a bit each, by their hash */
};

struct fanin {
	struct row way[SETS][WAYS];
	uint64_t seed;
	uint32_t turn;
};

struct fanin *fanin_new(uint64_t seed)
{
	struct fanin *t = xcalloc(1, sizeof(*t));

	t->seed = seed;
	return t;
}

void fanin_free(struct fanin *t)
{
	free(t);
}

static uint64_t mix(const struct fanin *t, const struct fanin_end *e)
{
	return addr_mix(t->seed ^ (uint64_t)e->proto << 32, &e->addr, e->port);
}

static bool same(const struct fanin_end *a, const struct fanin_end *b)
{
	return a->port == b->port && a->proto == b->proto && addr_eq(&a->addr, &b->addr);
}

static struct row *find(const struct fanin *t, const struct fanin_end *e)
{
	const struct row *set = t->way[(mix(t, e) >> 40) % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].turn && same(&set[i].end, e))
			return (struct row *)&set[i];
	return NULL;
}

static struct row *make(struct fanin *t, const struct fanin_end *e)
{
	struct row *set = t->way[(mix(t, e) >> 40) % SETS], *at = &set[0];

	for (int i = 1; i < WAYS && at->turn; i++)
		if (!set[i].turn || (int32_t)(set[i].turn - at->turn) < 0)
			at = &set[i];
	*at = (struct row){ .end = *e };
	return at;
}

void fanin_add(struct fanin *t, const struct fanin_end *end, const struct fanin_end *peer)
{
	struct row *r = find(t, end);

	if (!r)
		r = make(t, end);
	t->turn += t->turn == UINT32_MAX ? 2 : 1; /* 0 is an empty place */
	r->turn = t->turn;
	r->peers |= UINT64_C(1) << (mix(t, peer) >> 40) % FANIN_MOST;
}

unsigned fanin_peers(const struct fanin *t, const struct fanin_end *end)
{
	const struct row *r = find(t, end);

	return r ? (unsigned)__builtin_popcountll(r->peers) : 0;
}
