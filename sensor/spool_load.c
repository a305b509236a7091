/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "sensor/spool_parts.h"

/* Weights for which a LOST record answers that is still kept. */
struct range {
	uint64_t from, to;
};

struct loading {
	struct spool *sp;
	struct range *told;
	size_t told_n, told_cap;
	struct segment_entry torn; /* at the end of the last file, if anything was */
	struct spool_loss *gone;   /* dropped by an earlier life */
	size_t gone_n, gone_cap;
};

static void answer(struct loading *l, uint64_t from, uint64_t to)
{
	MEM_GROW(l->told, l->told_n, l->told_cap);
	l->told[l->told_n++] = (struct range){ from, to };
}

/* Also where nothing but the note is left. */
static void take_note(struct loading *l, const struct segment_note *n)
{
	if (n->told_to > n->told_from)
		answer(l, n->told_from, n->told_to);
	if (n->place.order > l->sp->place.order)
		l->sp->place = n->place;
}

static void take_entry(struct loading *l, struct spool_segment *s,
		       const struct segment_entry *e, bool hole)
{
	s->count += e->count;
	lost_merge(&s->whole, &e->lost);
	take_note(l, &e->note);
	if (!hole)
		return;
	s->holes += e->count;
	s->hole_records += e->lost.records;
}

/* One file's bytes, counted, up to a batch that is torn at their end: that is in TORN. */
static void count(struct loading *l, struct spool_segment *s, struct segment_entry *torn)
{
	struct segment_reader r;
	struct segment_entry e;
	enum segment_found found;

	segment_read(&r, &s->file.key, s->buf.p, s->buf.n);
	while ((found = segment_next(&r, &e)) != SEGMENT_END) {
		if (e.torn) {
			*torn = e;
			break;
		}
		take_entry(l, s, &e, found == SEGMENT_HOLE);
		s->after = r.before;
	}
	s->first = r.first;
	if (!s->count)
		s->after = s->first;
	s->bytes = s->buf.n;
	l->sp->counts.damaged += r.damaged;
}

/*
 * A batch that was being written when the sensor was killed is lost, and said to be, unless it
 * comes with a place: whoever added it adds it again.  Where writing failed, and went on in
 * the next segment, it is there: that one begins before it.
 */
static void settle_torn(struct loading *l, struct spool_segment *s)
{
	const struct segment_entry *torn = &l->torn;

	if (!torn->torn || torn->note.place.order ||
	    (s->next && s->next->first <= torn->note.before))
		return;
	take_entry(l, s, torn, true);
	s->after = torn->note.before + torn->lost.records;
}

static void load_file(struct loading *l, const struct spooldir_file *f)
{
	struct spool_segment *s = xcalloc(1, sizeof(*s));
	struct spool_segment *before = l->sp->tail;
	struct segment_entry torn = { 0 };
	struct spool *sp = l->sp;
	int rc;

	s->file = *f;
	s->fd = -1;
	s->on_disk = s->sealed = s->old = true;
	rc = spooldir_read(sp->config.dir, f, SPOOL_FILE_MAX, &s->buf);
	if (rc)
		log_warn("a part of the spool cannot be read: %s", strerror(-rc));
	count(l, s, &torn);
	buf_fini(&s->buf);
	*(before ? &before->next : &sp->head) = s;
	sp->tail = s;
	if (before)
		settle_torn(l, before);
	l->torn = torn;
}

static void load_gone(struct loading *l, const struct spooldir_file *f)
{
	MEM_GROW(l->gone, l->gone_n, l->gone_cap);
	l->gone[l->gone_n++] = (struct spool_loss){
		.file = *f, .on_disk = true, .from = f->from, .to = f->to, .lost = f->lost
	};
}

/* Of S, which T follows in the same epoch: numbers that nothing is left of. */
static void mend_numbers(struct spool_segment *s, const struct spool_segment *t)
{
	uint64_t should = t->file.base - s->file.base;
	struct lost lost = { s->whole.end_ms, t->whole.start_ms, 0 };

	if (t->file.base <= s->file.base || should <= s->count ||
	    should > s->count + UINT16_MAX)
		return;
	if (!s->count)
		s->first = s->after = t->first;
	lost.records = t->first > s->after ? t->first - s->after : 0;
	if (lost.end_ms < lost.start_ms)
		lost.end_ms = lost.start_ms;
	lost_merge(&s->whole, &lost);
	s->holes += (uint32_t)should - s->count;
	s->hole_records += lost.records;
	s->count = (uint32_t)should;
	s->after += lost.records;
}

/* What nothing says that there ever was anything in goes: its bytes are all damaged, and
 * counted as such. */
static void drop_void(struct spool *sp)
{
	for (struct spool_segment **at = &sp->head; *at;) {
		struct spool_segment *s = *at;

		if (s->count) {
			sp->tail = s;
			at = &s->next;
			continue;
		}
		*at = s->next;
		spooldir_remove(sp->config.dir, &s->file);
		spool_segment_free(s);
	}
	if (!sp->head)
		sp->tail = NULL;
}

static int by_from(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* How much of [FROM, TO) nobody answers for. */
static uint64_t untold(const struct loading *l, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->told_n && from < to; i++) {
		const struct range *r = &l->told[i];

		if (r->to <= from)
			continue;
		if (r->from > from)
			sum += (r->from < to ? r->from : to) - from;
		from = r->to;
	}
	return from < to ? sum + to - from : sum;
}

static void sort_told(struct loading *l)
{
	if (l->told_n)
		qsort(l->told, l->told_n, sizeof(*l->told), by_from);
}

/* A segment that was dropped: what its file says, unless a batch tells it already. */
static void tell_gone(struct loading *l)
{
	sort_told(l);
	for (size_t i = 0; i < l->gone_n; i++) {
		struct spool_loss *g = &l->gone[i];

		if (untold(l, g->from, g->to)) {
			spool_lose(l->sp, g);
			continue;
		}
		spooldir_remove(l->sp->config.dir, &g->file);
		g->to = g->from;
	}
	for (size_t i = 0; i < l->gone_n; i++)
		if (l->gone[i].to > l->gone[i].from)
			answer(l, l->gone[i].from, l->gone[i].to);
	sort_told(l);
}

/* Between two segments that are there something is missing. */
static void tell_gaps(struct loading *l)
{
	for (struct spool_segment *s = l->sp->head; s && s->next; s = s->next) {
		const struct spool_segment *t = s->next;
		struct spool_loss loss = { .from = s->after, .to = t->first };

		loss.lost.records = untold(l, loss.from, loss.to);
		if (!loss.lost.records)
			continue;
		loss.lost.start_ms = s->whole.end_ms;
		loss.lost.end_ms = t->whole.start_ms > s->whole.end_ms ? t->whole.start_ms
								       : s->whole.end_ms;
		log_warn("a part of the spool with %" PRIu64 " records is missing",
			 loss.lost.records);
		spool_lose(l->sp, &loss);
	}
}

static void sum_up(struct spool *sp)
{
	struct spool_counts *c = &sp->counts;

	for (struct spool_segment *s = sp->head; s; s = s->next) {
		c->batches += s->count;
		c->disk_bytes += s->bytes;
		c->corrupt += s->holes;
		c->lost += s->hole_records;
		if (s->after > sp->weight)
			sp->weight = s->after;
	}
	for (struct spool_loss *l = sp->losses; l; l = l->next)
		if (l->to > sp->weight)
			sp->weight = l->to;
	if (c->corrupt || c->damaged)
		log_warn("the spool was damaged: %" PRIu64 " batches lost, %" PRIu64
			 " bytes at the ends of files not readable",
			 c->corrupt, c->damaged);
	sp->news = false; /* whoever starts tells everything anyhow */
}

static void read_place(struct spool *sp)
{
	struct spool_place place = { 0 };
	int rc = spooldir_get_place(sp->config.dir, &place);

	sp->place_lost = rc && rc != -ENOENT;
	if (rc)
		return;
	sp->placed = place;
	if (place.order > sp->place.order)
		sp->place = place;
}

int spool_read(struct spool *sp, struct err *e)
{
	struct loading l = { .sp = sp };
	struct spooldir_file *file;
	size_t n;
	int rc = spooldir_list(sp->config.dir, &file, &n);

	if (rc)
		return err_sys(e, rc, "the spool cannot be read");
	for (size_t i = 0; i < n; i++) {
		if (file[i].key.id >= sp->next_id && file[i].key.id < UINT64_MAX)
			sp->next_id = file[i].key.id + 1;
		if (file[i].gone)
			load_gone(&l, &file[i]);
		else
			load_file(&l, &file[i]);
	}
	free(file);
	if (sp->tail)
		settle_torn(&l, sp->tail);
	for (struct spool_segment *s = sp->head; s && s->next; s = s->next)
		if (s->file.epoch && s->file.epoch == s->next->file.epoch)
			mend_numbers(s, s->next);
	drop_void(sp);
	tell_gone(&l);
	tell_gaps(&l);
	read_place(sp);
	sum_up(sp);
	free(l.told);
	free(l.gone);
	return 0;
}
