/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/segment.h"

#include <string.h>

#include "common/crc32c.h"
#include "common/wire.h"

static const uint32_t mark_before = 0x536b4231; /* "SkB1" */
static const uint32_t mark_after = 0x536b4531;	/* "SkE1" */

enum { INDEX_MAX = 1 << 16 }; /* no segment is large enough for more */

void lost_merge(struct lost *into, const struct lost *more)
{
	if (!more->records)
		return;
	if (!into->records || more->start_ms < into->start_ms)
		into->start_ms = more->start_ms;
	if (!into->records || more->end_ms > into->end_ms)
		into->end_ms = more->end_ms;
	into->records += more->records;
}

void segment_put_place(struct buf *out, const struct spool_place *place)
{
	buf_u64(out, place->order);
	for (int i = 0; i < 4; i++)
		buf_u64(out, place->v[i]);
}

void segment_get_place(struct cur *c, struct spool_place *out)
{
	out->order = cur_u64(c);
	for (int i = 0; i < 4; i++)
		out->v[i] = cur_u64(c);
}

static uint32_t seed_of(const struct segment_key *key)
{
	struct buf b = { 0 };
	uint32_t seed;

	buf_u64(&b, key->id);
	buf_u64(&b, key->salt);
	seed = crc32c(0, b.p, b.n);
	buf_fini(&b);
	return seed;
}

static void put_note(struct buf *b, uint32_t seed, uint32_t mark,
		     const struct segment_note *note)
{
	size_t at = b->n;

	buf_u32(b, mark);
	buf_u32(b, note->index);
	buf_u64(b, note->first);
	buf_u64(b, note->before);
	buf_u64(b, note->self.start_ms);
	buf_u64(b, note->self.end_ms);
	buf_u32(b, (uint32_t)note->self.records);
	buf_u64(b, note->carried.start_ms);
	buf_u64(b, note->carried.end_ms);
	buf_u64(b, note->carried.records);
	buf_u64(b, note->told_from);
	buf_u64(b, note->told_to);
	segment_put_place(b, &note->place);
	buf_u32(b, note->length);
	buf_u32(b, note->crc);
	buf_u32(b, crc32c(seed, b->p + at, b->n - at));
}

void segment_put(struct buf *out, const struct segment_key *key, struct segment_note *note,
		 const void *body, size_t n)
{
	uint32_t seed = seed_of(key);

	note->length = (uint32_t)n;
	note->crc = crc32c(seed, body, n);
	put_note(out, seed, mark_before, note);
	buf_put(out, body, n);
	put_note(out, seed, mark_after, note);
}

static void get_lost(struct cur *c, struct lost *l)
{
	l->start_ms = cur_u64(c);
	l->end_ms = cur_u64(c);
}

/* True for a whole note of that kind at P. */
static bool get_note(const uint8_t *p, uint32_t seed, uint32_t mark, struct segment_note *note)
{
	struct cur c = cur_of(p, SEGMENT_NOTE);

	if (cur_u32(&c) != mark)
		return false;
	note->index = cur_u32(&c);
	note->first = cur_u64(&c);
	note->before = cur_u64(&c);
	get_lost(&c, &note->self);
	note->self.records = cur_u32(&c);
	get_lost(&c, &note->carried);
	note->carried.records = cur_u64(&c);
	note->told_from = cur_u64(&c);
	note->told_to = cur_u64(&c);
	segment_get_place(&c, &note->place);
	note->length = cur_u32(&c);
	note->crc = cur_u32(&c);
	return cur_u32(&c) == crc32c(seed, p, SEGMENT_NOTE - 4) &&
	       note->length <= WIRE_BODY_MAX && note->index < INDEX_MAX;
}

void segment_read(struct segment_reader *r, const struct segment_key *key, const void *p,
		  size_t n)
{
	*r = (struct segment_reader){ .p = p, .n = n, .seed = seed_of(key) };
}

/* The body of NOTE if it is whole at AT. */
static const uint8_t *body_at(const struct segment_reader *r, const struct segment_note *note,
			      size_t at)
{
	if (at > r->n || r->n - at < note->length ||
	    crc32c(r->seed, r->p + at, note->length) != note->crc)
		return NULL;
	return r->p + at;
}

/* A note of either kind at AT, that is of a batch not given out yet: true, and past it. */
static bool look(struct segment_reader *r, size_t at)
{
	struct segment_note *note = &r->next;
	const uint8_t *p = r->p + at;
	bool after = false;

	if (!get_note(p, r->seed, mark_before, note)) {
		after = get_note(p, r->seed, mark_after, note);
		if (!after)
			return false;
	}
	if (note->index < r->index || (r->known && note->before < r->before))
		return false;
	r->next_body = NULL;
	r->next_torn = !after && r->n - at - SEGMENT_NOTE < note->length;
	if (!after)
		r->next_body = body_at(r, note, at + SEGMENT_NOTE);
	else if (at >= note->length)
		r->next_body = body_at(r, note, at - note->length);
	r->at = at + SEGMENT_NOTE;
	if (r->next_body && !after)
		r->at += note->length;
	return true;
}

/* From where we are to the next note that is whole, byte by byte where something is broken. */
static bool find(struct segment_reader *r)
{
	for (size_t at = r->at; r->n - at >= SEGMENT_NOTE; at++) {
		const uint8_t *p = memchr(r->p + at, 'S', r->n - at - SEGMENT_NOTE + 1);

		if (!p)
			break;
		at = (size_t)(p - r->p);
		if (look(r, at))
			return true;
	}
	r->damaged = r->n - r->at;
	r->at = r->n;
	return false;
}

/* The second note of a batch whose first was good. */
static void skip_after(struct segment_reader *r)
{
	struct segment_note same;

	if (r->n - r->at >= SEGMENT_NOTE &&
	    get_note(r->p + r->at, r->seed, mark_after, &same) && same.index < r->index)
		r->at += SEGMENT_NOTE;
}

static void give(struct segment_reader *r, uint32_t index, uint64_t before, uint64_t end_ms)
{
	r->index = index;
	r->before = before;
	r->end_ms = end_ms;
}

/* Batches of which nothing is left: what they weighed is known by what stands behind them. */
static void hole_before(struct segment_reader *r, struct segment_entry *out)
{
	const struct segment_note *n = &r->next;

	*out = (struct segment_entry){ .index = r->index, .count = n->index - r->index };
	out->lost.records = n->before - r->before;
	out->lost.start_ms = r->end_ms ? r->end_ms : n->self.start_ms;
	out->lost.end_ms = n->self.start_ms;
	if (out->lost.end_ms < out->lost.start_ms)
		out->lost.end_ms = out->lost.start_ms;
	give(r, n->index, n->before, out->lost.end_ms);
}

enum segment_found segment_next(struct segment_reader *r, struct segment_entry *out)
{
	struct segment_note *n = &r->next;

	if (!r->has_next && !find(r))
		return SEGMENT_END;
	if (!r->known) {
		r->known = true;
		r->first = n->first;
		r->before = n->first <= n->before ? n->first : n->before;
	}
	r->has_next = n->index > r->index;
	if (r->has_next) {
		hole_before(r, out);
		return SEGMENT_HOLE;
	}
	*out = (struct segment_entry){
		.index = n->index, .count = 1, .note = *n, .body = r->next_body
	};
	out->lost = segment_loss(n);
	out->torn = r->next_torn;
	give(r, n->index + 1, n->before + out->lost.records, n->self.end_ms);
	if (!r->next_body)
		return SEGMENT_HOLE;
	skip_after(r);
	return SEGMENT_BATCH;
}
