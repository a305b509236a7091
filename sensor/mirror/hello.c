/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/hello.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	RANGES = 8, /* pieces with holes between them; what makes more of them is dropped */
	BUCKETS = 2 * HELLO_SLOTS,
	NO_SLOT = HELLO_SLOTS,
};

struct range {
	uint16_t from, to;
};

struct slot {
	uint32_t id;
	uint16_t next;	       /* in its bucket, or of the free ones */
	uint16_t older, newer; /* of those in use */
	uint16_t ranges;
	struct range range[RANGES]; /* sorted, none touches the next */
	uint8_t b[HELLO_BYTES];
};

struct hello_pool {
	uint16_t free, oldest, newest;
	uint16_t bucket[BUCKETS];
	struct slot slot[HELLO_SLOTS];
};

struct hello_pool *hello_new(void)
{
	struct hello_pool *h = xcalloc(1, sizeof(*h));

	for (unsigned i = 0; i < BUCKETS; i++)
		h->bucket[i] = NO_SLOT;
	for (unsigned i = 0; i < HELLO_SLOTS; i++)
		h->slot[i].next = (uint16_t)(i + 1);
	h->oldest = h->newest = NO_SLOT;
	return h;
}

void hello_free(struct hello_pool *h)
{
	free(h);
}

/* The link that leads to ID's slot, or to NO_SLOT at the end of its bucket. */
static uint16_t *link_to(struct hello_pool *h, uint32_t id)
{
	uint16_t *at = &h->bucket[(id * 0x9e3779b1u) >> 23];

	_Static_assert(BUCKETS == 1 << 9, "the bits that are left");
	while (*at != NO_SLOT && h->slot[*at].id != id)
		at = &h->slot[*at].next;
	return at;
}

static void give_up(struct hello_pool *h, uint16_t *at)
{
	uint16_t i = *at;
	struct slot *s = &h->slot[i];

	*at = s->next;
	*(s->older == NO_SLOT ? &h->oldest : &h->slot[s->older].newer) = s->newer;
	*(s->newer == NO_SLOT ? &h->newest : &h->slot[s->newer].older) = s->older;
	s->next = h->free;
	h->free = i;
}

/* A slot for an ID that has none. */
static uint16_t *begin(struct hello_pool *h, uint32_t id)
{
	uint16_t *at, i;
	struct slot *s;

	if (h->free == NO_SLOT)
		give_up(h, link_to(h, h->slot[h->oldest].id));
	at = link_to(h, id);
	i = h->free;
	s = &h->slot[i];
	h->free = s->next;
	s->id = id;
	s->next = NO_SLOT;
	s->ranges = 0;
	s->older = h->newest;
	s->newer = NO_SLOT;
	*(h->newest == NO_SLOT ? &h->oldest : &h->slot[h->newest].newer) = i;
	h->newest = *at = i;
	return at;
}

/* False: it would be one range too many. */
static bool note_range(struct slot *s, uint32_t from, uint32_t to)
{
	unsigned first = 0, end;

	while (first < s->ranges && s->range[first].to < from)
		first++;
	for (end = first; end < s->ranges && s->range[end].from <= to; end++) {
		from = from < s->range[end].from ? from : s->range[end].from;
		to = to > s->range[end].to ? to : s->range[end].to;
	}
	if (first == end && s->ranges == RANGES)
		return false;
	memmove(&s->range[first + 1], &s->range[end], (s->ranges - end) * sizeof(*s->range));
	s->ranges = (uint16_t)(s->ranges - (end - first) + 1);
	s->range[first] = (struct range){ (uint16_t)from, (uint16_t)to };
	return true;
}

static size_t whole_start(const struct slot *s)
{
	return s->ranges && !s->range[0].from ? s->range[0].to : 0;
}

static enum sniffed read_start(const struct slot *s, size_t n, char *name, bool *tls)
{
	enum sniffed as_tls = sniff_tls(s->b, n, name), as_http;

	*tls = as_tls != SNIFF_NONE;
	if (as_tls == SNIFF_FOUND)
		return SNIFF_FOUND;
	as_http = as_tls == SNIFF_NONE ? sniff_http(s->b, n, name) : SNIFF_NONE;
	if (as_http == SNIFF_FOUND)
		return SNIFF_FOUND;
	if (n == HELLO_BYTES || (as_tls == SNIFF_NONE && as_http == SNIFF_NONE))
		return SNIFF_NONE;
	return SNIFF_MORE;
}

enum sniffed hello_add(struct hello_pool *h, uint32_t id, uint32_t offset, const uint8_t *p,
		       size_t n, char *name, bool *tls)
{
	uint16_t *at;
	struct slot *s;
	enum sniffed found;
	size_t before;

	if (offset >= HELLO_BYTES || !n)
		return SNIFF_MORE;
	if (n > HELLO_BYTES - offset)
		n = HELLO_BYTES - offset;
	at = link_to(h, id);
	if (*at == NO_SLOT)
		at = begin(h, id);
	s = &h->slot[*at];
	before = whole_start(s);
	if (!note_range(s, offset, offset + (uint32_t)n))
		return SNIFF_MORE;
	memcpy(s->b + offset, p, n);
	if (whole_start(s) == before)
		return SNIFF_MORE;
	found = read_start(s, whole_start(s), name, tls);
	if (found != SNIFF_MORE)
		give_up(h, at);
	return found;
}

void hello_drop(struct hello_pool *h, uint32_t id)
{
	uint16_t *at = link_to(h, id);

	if (*at != NO_SLOT)
		give_up(h, at);
}
