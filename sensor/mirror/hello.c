/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/hello.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { RANGES = 8, BUCKETS = 512 };

/* What came of one client's first words. */
struct slot {
	uint32_t id; /* 0: free */
	uint32_t turn;
	uint16_t next; /* of its bucket, + 1 */
	uint16_t ranges;
	uint16_t from[RANGES], to[RANGES]; /* sorted, apart from each other */
	uint8_t bytes[HELLO_BYTES];
};

struct hello_pool {
	struct slot slot[HELLO_SLOTS];
	uint16_t bucket[BUCKETS]; /* slot + 1 */
	uint32_t turn;
};

struct hello_pool *hello_new(void)
{
	return xcalloc(1, sizeof(struct hello_pool));
}

void hello_free(struct hello_pool *h)
{
	free(h);
}

static uint16_t *bucket_of(struct hello_pool *h, uint32_t id)
{
	return &h->bucket[(id * 2654435761u) >> 23];
}

static struct slot *find(struct hello_pool *h, uint32_t id)
{
	for (uint16_t i = *bucket_of(h, id); i; i = h->slot[i - 1].next)
		if (h->slot[i - 1].id == id)
			return &h->slot[i - 1];
	return NULL;
}

static void empty(struct hello_pool *h, struct slot *s)
{
	uint16_t *link = bucket_of(h, s->id), at = (uint16_t)(s - h->slot + 1);

	while (*link != at)
		link = &h->slot[*link - 1].next;
	*link = s->next;
	s->id = 0;
	s->ranges = 0;
}

static struct slot *claim(struct hello_pool *h, uint32_t id)
{
	struct slot *s = &h->slot[0];
	uint16_t *bucket = bucket_of(h, id);

	for (int i = 0; i < HELLO_SLOTS && s->id; i++)
		if (!h->slot[i].id || (int32_t)(h->slot[i].turn - s->turn) < 0)
			s = &h->slot[i];
	if (s->id)
		empty(h, s);
	s->id = id;
	s->turn = h->turn++;
	s->next = *bucket;
	*bucket = (uint16_t)(s - h->slot + 1);
	return s;
}

/* [FROM, TO) joins the ranges; one too many is left out. */
static void mark(struct slot *s, uint16_t from, uint16_t to)
{
	unsigned i = 0, j;

	while (i < s->ranges && s->to[i] < from)
		i++;
	for (j = i; j < s->ranges && s->from[j] <= to; j++) {
		from = s->from[j] < from ? s->from[j] : from;
		to = s->to[j] > to ? s->to[j] : to;
	}
	if (j == i) {
		if (s->ranges == RANGES)
			return;
		memmove(&s->from[i + 1], &s->from[i], (s->ranges - i) * sizeof(s->from[0]));
		memmove(&s->to[i + 1], &s->to[i], (s->ranges - i) * sizeof(s->to[0]));
		s->ranges++;
	} else if (j > i + 1) {
		memmove(&s->from[i + 1], &s->from[j], (s->ranges - j) * sizeof(s->from[0]));
		memmove(&s->to[i + 1], &s->to[j], (s->ranges - j) * sizeof(s->to[0]));
		s->ranges -= (uint16_t)(j - i - 1);
	}
	s->from[i] = from;
	s->to[i] = to;
}

enum sniffed hello_add(struct hello_pool *h, uint32_t id, uint32_t offset, const uint8_t *p,
		       size_t n, char *name, bool *tls)
{
	struct slot *s = find(h, id);
	enum sniffed got;
	size_t have;

	if (offset >= HELLO_BYTES)
		return s ? SNIFF_MORE : SNIFF_NONE;
	if (n > HELLO_BYTES - offset)
		n = HELLO_BYTES - offset;
	if (!s)
		s = claim(h, id);
	memcpy(s->bytes + offset, p, n);
	mark(s, (uint16_t)offset, (uint16_t)(offset + n));
	if (!s->ranges || s->from[0])
		return SNIFF_MORE;
	have = s->to[0];
	got = sniff_tls(s->bytes, have, name);
	*tls = got != SNIFF_NONE;
	if (got == SNIFF_NONE)
		got = sniff_http(s->bytes, have, name);
	if (got == SNIFF_MORE && have == HELLO_BYTES)
		got = SNIFF_NONE;
	if (got != SNIFF_MORE)
		empty(h, s);
	return got;
}

void hello_drop(struct hello_pool *h, uint32_t id)
{
	struct slot *s = find(h, id);

	if (s)
		empty(h, s);
}
