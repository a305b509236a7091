/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/holes.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"

struct hole {
	uint32_t from, to;
	uint32_t next;
};

struct holes {
	struct hole *pool; /* pool[0] stands for none */
	uint32_t used, cap;
	uint32_t spare; /* list of free ones */
	uint64_t lost;
};

struct holes *holes_new(void)
{
	struct holes *h = xcalloc(1, sizeof(*h));

	h->used = 1;
	return h;
}

void holes_free(struct holes *h)
{
	if (!h)
		return;
	free(h->pool);
	free(h);
}

static uint32_t take(struct holes *h)
{
	uint32_t at = h->spare;

	if (at) {
		h->spare = h->pool[at].next;
		return at;
	}
	if (h->used >= HOLES_MAX)
		return 0;
	MEM_GROW(h->pool, h->used, h->cap);
	return h->used++;
}

static void give(struct holes *h, uint32_t at)
{
	h->pool[at].next = h->spare;
	h->spare = at;
}

/* Drops the first one of LIST; what follows it is the list. */
static void give_up(struct holes *h, uint32_t *list)
{
	uint32_t at = *list;

	*list = h->pool[at].next;
	give(h, at);
	h->lost++;
}

void holes_add(struct holes *h, uint32_t *list, uint32_t from, uint32_t to)
{
	uint32_t *last = list, n = 0, at;

	for (; *last; last = &h->pool[*last].next)
		n++;
	if (n >= HOLES_EACH)
		give_up(h, list);
	at = take(h); /* may move the pool */
	if (!at) {
		h->lost++;
		return;
	}
	h->pool[at] = (struct hole){ .from = from, .to = to };
	for (last = list; *last; last = &h->pool[*last].next)
		;
	*last = at;
}

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* What is left of the hole behind TO becomes one of its own, if there is room. */
static void split(struct holes *h, uint32_t hole, uint32_t to)
{
	uint32_t at = take(h);

	if (!at) {
		h->lost++;
		return;
	}
	h->pool[at] = (struct hole){ to, h->pool[hole].to, h->pool[hole].next };
	h->pool[hole].next = at;
}

uint32_t holes_fill(struct holes *h, uint32_t *list, uint32_t from, uint32_t to)
{
	uint32_t filled = 0, prior = 0, at = *list;

	while (at) {
		struct hole *o = &h->pool[at];
		uint32_t next = o->next;
		uint32_t lo = before(o->from, from) ? from : o->from;
		uint32_t hi = before(to, o->to) ? to : o->to;

		if (!before(lo, hi)) {
			prior = at;
			at = next;
			continue;
		}
		filled += hi - lo;
		if (lo != o->from && hi != o->to) {
			split(h, at, hi);
			h->pool[at].to = lo;
			return filled;
		}
		if (lo == o->from && hi == o->to) {
			if (prior)
				h->pool[prior].next = next;
			else
				*list = next;
			give(h, at);
		} else {
			if (lo == o->from)
				o->from = hi;
			else
				o->to = lo;
			prior = at;
		}
		at = next;
	}
	return filled;
}

uint64_t holes_before(const struct holes *h, uint32_t list, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t at = list; at; at = h->pool[at].next) {
		const struct hole *o = &h->pool[at];
		uint32_t hi = before(to, o->to) ? to : o->to;

		if (before(o->from, hi))
			sum += hi - o->from;
	}
	return sum;
}

void holes_drop(struct holes *h, uint32_t *list)
{
	while (*list) {
		uint32_t at = *list;

		*list = h->pool[at].next;
		give(h, at);
	}
}

uint64_t holes_lost(const struct holes *h)
{
	return h->lost;
}
