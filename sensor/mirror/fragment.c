/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { PACKET_MAX = 65535, GRAIN = 2048, HEADS = 1024 };
enum { NONE = UINT16_MAX };

/* [FROM, TO) of a packet came, and the bytes up to CAP are there. */
struct piece {
	uint16_t from, to, cap;
};

enum list { FREE, PARTIAL, DONE, LISTS };

/* A packet of which something is missing; or one that is whole, kept to know its copies by. */
struct slot {
	struct addr src, dst;
	uint32_t id, tag;
	uint8_t proto;
	uint8_t list;
	bool has_end;
	uint32_t end; /* with HAS_END */
	uint64_t time_ns;
	uint8_t *bytes;
	uint32_t room;
	uint16_t head;	/* of the chain it is in */
	uint16_t chain; /* the next in it */
	uint16_t older, newer;
	unsigned pieces;
	struct piece piece[FRAGMENT_PIECES]; /* sorted, with holes between them */
};

struct fragments {
	struct slot slot[FRAGMENTS_MAX];
	uint16_t head[HEADS];
	uint16_t oldest[LISTS], newest[LISTS];
	const uint8_t *lent; /* bytes of the last packet that was whole */
	uint8_t *orphan;     /* the same, when its slot is gone */
	uint32_t bytes, max;
	uint64_t lost;
};

/* Lists, oldest first */

static void list_push(struct fragments *t, struct slot *s, enum list list)
{
	uint16_t i = (uint16_t)(s - t->slot);

	s->list = (uint8_t)list;
	s->newer = NONE;
	s->older = t->newest[list];
	if (s->older == NONE)
		t->oldest[list] = i;
	else
		t->slot[s->older].newer = i;
	t->newest[list] = i;
}

static void list_remove(struct fragments *t, struct slot *s)
{
	if (s->older == NONE)
		t->oldest[s->list] = s->newer;
	else
		t->slot[s->older].newer = s->newer;
	if (s->newer == NONE)
		t->newest[s->list] = s->older;
	else
		t->slot[s->newer].older = s->older;
}

static struct slot *list_oldest(struct fragments *t, enum list list)
{
	return t->oldest[list] == NONE ? NULL : &t->slot[t->oldest[list]];
}

struct fragments *fragments_new(uint32_t max_bytes)
{
	struct fragments *t = xcalloc(1, sizeof(*t));

	t->max = max_bytes;
	memset(t->head, 0xff, sizeof(t->head));
	memset(t->oldest, 0xff, sizeof(t->oldest));
	memset(t->newest, 0xff, sizeof(t->newest));
	for (int i = 0; i < FRAGMENTS_MAX; i++)
		list_push(t, &t->slot[i], FREE);
	return t;
}

void fragments_free(struct fragments *t)
{
	if (!t)
		return;
	for (int i = 0; i < FRAGMENTS_MAX; i++)
		free(t->slot[i].bytes);
	free(t->orphan);
	free(t);
}

/* Slots */

static uint16_t head_of(const struct fragment *f)
{
	uint64_t h = (uint64_t)f->id << 32 | f->tag, w;

	for (int i = 0; i < 16; i += 8) {
		memcpy(&w, f->src.b + i, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		memcpy(&w, f->dst.b + i, 8);
		h = (h ^ h >> 32 ^ w) * 0xd6e8feb86659fd93u;
	}
	return (uint16_t)(h >> 32) % HEADS;
}

static bool is_of(const struct slot *s, const struct fragment *f)
{
	return s->id == f->id && s->tag == f->tag && s->proto == f->proto &&
	       addr_eq(&s->src, &f->src) && addr_eq(&s->dst, &f->dst);
}

static struct slot *find(struct fragments *t, const struct fragment *f)
{
	uint16_t i = t->head[head_of(f)];

	while (i != NONE && !is_of(&t->slot[i], f))
		i = t->slot[i].chain;
	return i == NONE ? NULL : &t->slot[i];
}

/* Bytes that were lent stay until the next packet is whole: F may point into them. */
static void release(struct fragments *t, struct slot *s)
{
	uint16_t i = (uint16_t)(s - t->slot), *link = &t->head[s->head];

	while (*link != i)
		link = &t->slot[*link].chain;
	*link = s->chain;
	if (s->list == PARTIAL)
		t->lost++;
	list_remove(t, s);
	t->bytes -= s->room;
	if (s->bytes && s->bytes == t->lent)
		t->orphan = s->bytes;
	else
		free(s->bytes);
	s->bytes = NULL;
	list_push(t, s, FREE);
}

/* Gives up what is oldest, but S: of what is whole first.  False when there is none. */
static bool release_oldest(struct fragments *t, const struct slot *s)
{
	struct slot *old = list_oldest(t, DONE);

	if (!old)
		old = list_oldest(t, PARTIAL);
	if (old == s && old)
		old = old->newer == NONE ? NULL : &t->slot[old->newer];
	if (!old)
		return false;
	release(t, old);
	return true;
}

static bool is_stale(const struct slot *s, uint64_t now_ns)
{
	uint64_t age = now_ns > s->time_ns ? now_ns - s->time_ns : s->time_ns - now_ns;

	return age > (s->list == DONE ? FRAGMENT_COPY_S : FRAGMENT_AGE_S) * 1000000000ull;
}

static void expire(struct fragments *t, uint64_t now_ns)
{
	for (enum list list = PARTIAL; list <= DONE; list++) {
		struct slot *s;

		while ((s = list_oldest(t, list)) && is_stale(s, now_ns))
			release(t, s);
	}
}

static struct slot *begin(struct fragments *t, const struct fragment *f)
{
	uint16_t head = head_of(f);
	struct slot *s;

	if (!list_oldest(t, FREE))
		release_oldest(t, NULL);
	s = list_oldest(t, FREE);
	list_remove(t, s);
	s->src = f->src;
	s->dst = f->dst;
	s->id = f->id;
	s->tag = f->tag;
	s->proto = f->proto;
	s->has_end = false;
	s->time_ns = f->time_ns;
	s->room = s->pieces = 0;
	s->head = head;
	s->chain = t->head[head];
	t->head[head] = (uint16_t)(s - t->slot);
	list_push(t, s, PARTIAL);
	return s;
}

static bool make_room(struct fragments *t, struct slot *s, uint32_t to)
{
	uint32_t room = (to + GRAIN - 1) / GRAIN * GRAIN;

	if (room <= s->room)
		return true;
	while ((uint64_t)t->bytes - s->room + room > t->max)
		if (!release_oldest(t, s))
			return false;
	s->bytes = xrealloc(s->bytes, room);
	t->bytes += room - s->room;
	s->room = room;
	return true;
}

/* Pieces */

/* B comes right after A; what is there of a packet ends at the first byte that is not. */
static void join(struct piece *a, const struct piece *b)
{
	if (a->cap == a->to)
		a->cap = b->cap;
	a->to = b->to;
}

static void cut_out(struct slot *s, unsigned at)
{
	s->pieces--;
	memmove(&s->piece[at], &s->piece[at + 1], (s->pieces - at) * sizeof(s->piece[0]));
}

/* P fits before the piece AT; it is joined with those that it touches. */
static bool insert(struct slot *s, unsigned at, const struct piece *p)
{
	bool before = at > 0 && s->piece[at - 1].to == p->from;

	if (before) {
		join(&s->piece[at - 1], p);
		at--;
	} else if (s->pieces == FRAGMENT_PIECES) {
		return false;
	} else {
		memmove(&s->piece[at + 1], &s->piece[at], (s->pieces - at) * sizeof(*p));
		s->piece[at] = *p;
		s->pieces++;
	}
	if (at + 1 < s->pieces && s->piece[at].to == s->piece[at + 1].from) {
		join(&s->piece[at], &s->piece[at + 1]);
		cut_out(s, at + 1);
	}
	return true;
}

/* The first piece that ends after FROM. */
static unsigned piece_after(const struct slot *s, uint32_t from)
{
	unsigned i = 0;

	while (i < s->pieces && s->piece[i].to <= from)
		i++;
	return i;
}

/* What of F is not there yet is taken. */
static bool take(struct slot *s, const struct fragment *f)
{
	uint32_t from = f->offset, to = f->offset + f->len, have = f->offset + f->cap;

	while (from < to) {
		unsigned i = piece_after(s, from);
		uint32_t until = to;
		struct piece p;

		if (i < s->pieces && s->piece[i].from <= from) {
			from = s->piece[i].to;
			continue;
		}
		if (i < s->pieces && s->piece[i].from < to)
			until = s->piece[i].from;
		p.from = (uint16_t)from;
		p.to = (uint16_t)until;
		p.cap = (uint16_t)(have < from ? from : have < until ? have : until);
		if (!insert(s, i, &p))
			return false;
		if (p.cap > from)
			memcpy(s->bytes + from, f->p + (from - f->offset), p.cap - from);
		from = until;
	}
	return true;
}

/* The piece that has all of F; NULL: none has. */
static const struct piece *piece_with(const struct slot *s, const struct fragment *f)
{
	unsigned i = piece_after(s, f->offset);

	if (i == s->pieces || s->piece[i].from > f->offset ||
	    s->piece[i].to < f->offset + f->len)
		return NULL;
	return &s->piece[i];
}

static bool has_same(const struct slot *s, const struct piece *p, const struct fragment *f)
{
	uint32_t to = f->offset + f->cap;

	to = to < p->cap ? to : p->cap;
	return to <= f->offset || !memcmp(s->bytes + f->offset, f->p, to - f->offset);
}

/* Packets */

/* F adds nothing: a copy, or other bytes for what is there of a packet that is not whole. */
static bool is_known(const struct slot *s, const struct fragment *f)
{
	const struct piece *p = piece_with(s, f);

	return p && (s->list == PARTIAL || has_same(s, p, f));
}

/* The slot that F belongs to, new where there is none. */
static struct slot *slot_for(struct fragments *t, const struct fragment *f, struct slot *s)
{
	if (s && s->list == PARTIAL && !is_stale(s, f->time_ns))
		return s;
	if (s) /* its number came again */
		release(t, s);
	return begin(t, f);
}

static bool is_within(struct slot *s, const struct fragment *f)
{
	uint32_t to = f->offset + f->len;

	if (s->has_end)
		return f->more ? to <= s->end : to == s->end;
	if (f->more)
		return true;
	s->has_end = true;
	s->end = to;
	return !s->pieces || s->piece[s->pieces - 1].to <= to;
}

static bool deliver(struct fragments *t, struct slot *s, struct defragmented *out)
{
	free(t->orphan);
	t->orphan = NULL;
	t->lent = s->bytes;
	*out = (struct defragmented){ .len = s->end, .cap = s->piece[0].cap, .p = s->bytes };
	list_remove(t, s);
	list_push(t, s, DONE);
	return true;
}

bool fragments_add(struct fragments *t, const struct fragment *f, struct defragmented *out)
{
	struct slot *s;

	expire(t, f->time_ns);
	if (!f->len || (uint64_t)f->offset + f->len > PACKET_MAX || (f->more && f->len % 8)) {
		t->lost++;
		return false;
	}
	s = find(t, f);
	if (s && !is_stale(s, f->time_ns) && is_known(s, f))
		return false;
	s = slot_for(t, f, s);
	if (!is_within(s, f) || !make_room(t, s, f->offset + f->len) || !take(s, f)) {
		release(t, s);
		return false;
	}
	if (s->has_end && s->pieces == 1 && s->piece[0].from == 0 && s->piece[0].to == s->end)
		return deliver(t, s, out);
	return false;
}

uint64_t fragments_lost(const struct fragments *t)
{
	return t->lost;
}
