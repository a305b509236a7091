/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { PACKET_MAX = 65535, GRAIN = 2048 };

struct piece {
	uint16_t from, to; /* of the packet; the bytes up to CAP are there */
	uint16_t cap;
};

/* A packet of which something is missing. */
struct partial {
	uint32_t hash; /* 0: the slot is free */
	struct addr src, dst;
	uint32_t id, tag;
	uint8_t proto;
	bool has_last;
	uint32_t total; /* with HAS_LAST */
	uint64_t time_ns;
	uint8_t *bytes;
	uint32_t room;
	struct piece piece[FRAGMENT_PIECES]; /* sorted, none overlaps */
	unsigned pieces;
};

struct fragments {
	struct partial slot[FRAGMENTS_MAX];
	uint8_t *done; /* the bytes of the last packet that was whole */
	uint32_t bytes, max;
	unsigned n; /* slots in use */
	uint64_t lost;
};

struct fragments *fragments_new(uint32_t max_bytes)
{
	struct fragments *t = xcalloc(1, sizeof(*t));

	t->max = max_bytes;
	return t;
}

static void empty(struct fragments *t, struct partial *d)
{
	t->bytes -= d->room;
	t->n--;
	free(d->bytes);
	memset(d, 0, sizeof(*d));
}

void fragments_free(struct fragments *t)
{
	if (!t)
		return;
	for (int i = 0; i < FRAGMENTS_MAX; i++)
		free(t->slot[i].bytes);
	free(t->done);
	free(t);
}

static uint32_t hash_of(const struct fragment *f)
{
	uint64_t h = (uint64_t)f->id << 32 | f->tag, w;

	for (int i = 0; i < 16; i += 8) {
		memcpy(&w, f->src.b + i, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		memcpy(&w, f->dst.b + i, 8);
		h = (h ^ h >> 32 ^ w) * 0xd6e8feb86659fd93u;
	}
	return (uint32_t)(h >> 32) | 1;
}

static struct partial *oldest(struct fragments *t)
{
	struct partial *old = NULL;

	for (int i = 0; i < FRAGMENTS_MAX; i++)
		if (t->slot[i].hash && (!old || t->slot[i].time_ns < old->time_ns))
			old = &t->slot[i];
	return old;
}

static bool is_same(const struct partial *d, const struct fragment *f)
{
	return d->id == f->id && d->tag == f->tag && d->proto == f->proto &&
	       addr_eq(&d->src, &f->src) && addr_eq(&d->dst, &f->dst);
}

static bool is_stale(const struct partial *d, const struct fragment *f)
{
	return f->time_ns > d->time_ns + FRAGMENT_AGE_S * 1000000000ull;
}

/* The slot of F's packet, new where there is none. */
static struct partial *slot_of(struct fragments *t, const struct fragment *f)
{
	uint32_t hash = hash_of(f);
	struct partial *spare = NULL;

	for (int i = 0; i < FRAGMENTS_MAX; i++) {
		struct partial *d = &t->slot[i];

		if (d->hash == hash && is_same(d, f) && !is_stale(d, f))
			return d;
		if (d->hash && is_stale(d, f)) {
			empty(t, d);
			t->lost++;
		}
		if (!d->hash && !spare)
			spare = d;
	}
	if (!spare) {
		spare = oldest(t);
		empty(t, spare);
		t->lost++;
	}
	*spare = (struct partial){ .hash = hash,
				   .src = f->src,
				   .dst = f->dst,
				   .id = f->id,
				   .tag = f->tag,
				   .proto = f->proto,
				   .time_ns = f->time_ns };
	t->n++;
	return spare;
}

static bool make_room(struct fragments *t, struct partial *d, uint32_t to)
{
	uint32_t room = (to + GRAIN - 1) / GRAIN * GRAIN;

	if (room <= d->room)
		return true;
	while (t->bytes - d->room + room > t->max) {
		struct partial *old = oldest(t);

		if (old == d)
			return false;
		empty(t, old);
		t->lost++;
	}
	d->bytes = xreallocarray(d->bytes, room, 1);
	memset(d->bytes + d->room, 0, room - d->room);
	t->bytes += room - d->room;
	d->room = room;
	return true;
}

static bool insert(struct partial *d, unsigned at, const struct piece *p)
{
	if (d->pieces == FRAGMENT_PIECES)
		return false;
	memmove(&d->piece[at + 1], &d->piece[at], (d->pieces - at) * sizeof(*p));
	d->piece[at] = *p;
	d->pieces++;
	return true;
}

/* What of [FROM, TO) is not there yet is taken, piece by piece. */
static bool take(struct partial *d, const struct fragment *f, uint32_t from, uint32_t to)
{
	uint32_t have = f->offset + (f->cap < f->len ? f->cap : f->len);

	for (unsigned i = 0; from < to; i++) {
		uint32_t until = to;
		struct piece p = { .from = (uint16_t)from };

		if (i < d->pieces && d->piece[i].to <= from)
			continue;
		if (i < d->pieces && d->piece[i].from <= from) {
			from = d->piece[i].to;
			continue;
		}
		if (i < d->pieces && d->piece[i].from < to)
			until = d->piece[i].from;
		p.to = (uint16_t)until;
		p.cap = (uint16_t)(have <= from ? from : have < until ? have : until);
		if (!insert(d, i, &p))
			return false;
		memcpy(d->bytes + from, f->p + (from - f->offset), p.cap - from);
		from = until;
	}
	return true;
}

static bool is_whole(const struct partial *d)
{
	uint32_t to = 0;

	for (unsigned i = 0; i < d->pieces && d->piece[i].from == to; i++)
		to = d->piece[i].to;
	return d->has_last && to >= d->total;
}

static void deliver(struct fragments *t, struct partial *d, struct defragmented *out)
{
	out->len = d->total;
	out->cap = 0;
	for (unsigned i = 0; i < d->pieces; i++) {
		out->cap = d->piece[i].cap;
		if (d->piece[i].cap < d->piece[i].to)
			break;
	}
	if (out->cap > out->len)
		out->cap = out->len;
	free(t->done);
	t->done = d->bytes;
	out->p = t->done;
	d->bytes = NULL;
	empty(t, d);
}

bool fragments_add(struct fragments *t, const struct fragment *f, struct defragmented *out)
{
	uint64_t to = (uint64_t)f->offset + f->len;
	struct partial *d;

	if (to > PACKET_MAX || !f->len || (f->more && f->len % 8)) {
		t->lost++;
		return false;
	}
	d = slot_of(t, f);
	if (!f->more && !d->has_last) {
		d->has_last = true;
		d->total = (uint32_t)to;
	}
	if ((d->has_last && to > d->total) || !make_room(t, d, (uint32_t)to) ||
	    !take(d, f, f->offset, (uint32_t)to)) {
		empty(t, d);
		t->lost++;
		return false;
	}
	if (!is_whole(d))
		return false;
	deliver(t, d, out);
	return true;
}

uint64_t fragments_lost(const struct fragments *t)
{
	return t->lost;
}
