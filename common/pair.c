/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pair.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* One answer to "who is there", and what speaks for it. */
struct choice {
	int64_t process[PAIR_SIDES];
	uint64_t common, opens;
};

static unsigned ports_common(const struct pair_claim *a, const struct pair_claim *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->ports_n; i++)
		for (unsigned j = 0; j < b->ports_n; j++)
			if (a->port[i] == b->port[j]) {
				n++;
				break;
			}
	return n;
}

static struct choice *choice_of(struct choice *list, unsigned *n, const int64_t *process)
{
	for (unsigned i = 0; i < *n; i++)
		if (memcmp(list[i].process, process, sizeof(list[i].process)) == 0)
			return &list[i];
	list[*n] = (struct choice){ .process = { process[0], process[1] } };
	return &list[(*n)++];
}

/* Numbers of processes say nothing, so they come last and only to make the order total. */
static bool better(const struct choice *a, const struct choice *b)
{
	if (a->common != b->common)
		return a->common > b->common;
	if (a->opens != b->opens)
		return a->opens > b->opens;
	return memcmp(a->process, b->process, sizeof(a->process)) < 0;
}

/* True with *GUESS if there is any choice at all. */
static bool choose(const struct choice *list, unsigned n, struct choice *out, bool *guess)
{
	unsigned with_ports = 0;

	if (!n)
		return false;
	*out = list[0];
	for (unsigned i = 0; i < n; i++) {
		with_ports += list[i].common > 0;
		if (better(&list[i], out))
			*out = list[i];
	}
	*guess = n > 1 && with_ports != 1;
	return true;
}

static bool contradicts(const struct pair_claim *a, const struct pair_claim *b, int side)
{
	return a->process[side] && b->process[side] && a->process[side] != b->process[side];
}

/* SELF knows the other end: who of those known at SIDE talks to it? */
static void resolve_side(struct pair_claim *claims, unsigned n, struct pair_claim *self,
			 int side, struct choice *list)
{
	struct choice best;
	unsigned found = 0;

	for (struct pair_claim *c = claims; c < claims + n; c++) {
		int64_t who[PAIR_SIDES] = { 0 };
		struct choice *one;

		if (!c->process[side])
			continue;
		who[side] = c->process[side];
		one = choice_of(list, &found, who);
		if (contradicts(c, self, !side))
			continue;
		one->common += ports_common(self, c);
		one->opens += c->opens;
	}
	if (choose(list, found, &best, &self->guess))
		self->edge[side] = best.process[side];
}

/* SELF knows neither end, so it joins an edge that the others have made. */
static void resolve_both(struct pair_claim *claims, unsigned n, struct pair_claim *self,
			 struct choice *list)
{
	struct choice best;
	unsigned found = 0;

	for (struct pair_claim *c = claims; c < claims + n; c++) {
		struct choice *one;

		if (!c->process[PAIR_CLIENT] && !c->process[PAIR_SERVER])
			continue;
		one = choice_of(list, &found, c->edge);
		one->common += ports_common(self, c);
		one->opens += c->opens;
	}
	if (choose(list, found, &best, &self->guess))
		memcpy(self->edge, best.process, sizeof(self->edge));
}

void pair_resolve(struct pair_claim *claims, unsigned n)
{
	struct choice *list = xcalloc(n, sizeof(*list));

	for (struct pair_claim *c = claims; c < claims + n; c++) {
		memcpy(c->edge, c->process, sizeof(c->edge));
		c->guess = false;
		if (c->process[PAIR_CLIENT] && !c->process[PAIR_SERVER])
			resolve_side(claims, n, c, PAIR_SERVER, list);
		else if (c->process[PAIR_SERVER] && !c->process[PAIR_CLIENT])
			resolve_side(claims, n, c, PAIR_CLIENT, list);
	}
	for (struct pair_claim *c = claims; c < claims + n; c++)
		if (!c->process[PAIR_CLIENT] && !c->process[PAIR_SERVER])
			resolve_both(claims, n, c, list);
	free(list);
}
