/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowtell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/mem.h"
#include "common/wire_record.h"

static const uint64_t minute_ms = 60000;

struct exporter {
	struct addr addr;
	uint64_t epoch, sequence; /* of the last batch */
	uint64_t heard_ms, told_ms;
	uint64_t from_ms; /* since when it was heard, in the minute HEARD_MS lies in */
	struct cover cover[FLOWTELL_COVERS];
	unsigned covers_n;
	bool sampled, missed; /* since the last cover */
	uint64_t lost;
	bool gap;    /* told even if nothing is lost */
	bool silent; /* not heard since it was known: nothing of it is covered */
	bool used;
};

struct flowtell {
	struct exporter exporter[FLOWTELL_EXPORTERS];
	int last; /* the one that was asked for last */
	unsigned n;
	struct wire_writer w; /* of the exporter OPEN */
	int open;	      /* -1: none */
	flowtell_fn *fn;
	void *ctx;
};

struct flowtell *flowtell_new(flowtell_fn *fn, void *ctx)
{
	struct flowtell *t = xcalloc(1, sizeof(*t));

	t->fn = fn;
	t->ctx = ctx;
	t->open = -1;
	return t;
}

void flowtell_free(struct flowtell *t)
{
	if (!t)
		return;
	wire_writer_fini(&t->w);
	free(t);
}

/* Who is who */

static bool is_at(const struct flowtell *t, int n, const struct addr *a)
{
	return t->exporter[n].used && addr_eq(&t->exporter[n].addr, a);
}

static int find(const struct flowtell *t, const struct addr *a)
{
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++)
		if (is_at(t, i, a))
			return i;
	return -ENOSPC;
}

/* A free place, or that of the one who was silent longest. */
static int place(const struct flowtell *t, uint64_t now_ms)
{
	int best = 0;

	for (int i = 0; i < FLOWTELL_EXPORTERS; i++) {
		if (!t->exporter[i].used)
			return i;
		if (t->exporter[i].heard_ms < t->exporter[best].heard_ms)
			best = i;
	}
	return now_ms > t->exporter[best].heard_ms + FLOWTELL_SILENT_MS ? best : -ENOSPC;
}

int flowtell_number(struct flowtell *t, const struct addr *a, uint64_t now_ms)
{
	int n = is_at(t, t->last, a) ? t->last : find(t, a);
	struct exporter *x;

	if (n < 0) {
		n = place(t, now_ms);
		if (n < 0)
			return n;
		x = &t->exporter[n];
		t->n += !x->used;
		*x = (struct exporter){ .addr = *a, .used = true, .heard_ms = now_ms };
		x->from_ms = x->told_ms = now_ms;
		if (getrandom(&x->epoch, sizeof(x->epoch), 0) != sizeof(x->epoch))
			abort();       /* eight bytes never fail */
		x->epoch &= INT64_MAX; /* as the ledger's columns hold it */
	}
	t->last = n;
	return n;
}

unsigned flowtell_count(const struct flowtell *t)
{
	return t->n;
}

/* What they did */

static uint32_t degraded(struct exporter *x)
{
	uint32_t bits =
		(x->sampled ? DEGRADED_SAMPLED : 0) | (x->missed ? DEGRADED_MISSED : 0);

	x->sampled = x->missed = false;
	return bits;
}

/* [FROM, TO) joins what came just before; what there is no room for is not covered. */
static void cover(struct exporter *x, uint64_t from, uint64_t to)
{
	struct cover *c = x->covers_n ? &x->cover[x->covers_n - 1] : NULL;

	if (from >= to)
		return;
	if (c && c->end_ms == from && to - c->start_ms <= 30 * minute_ms) {
		c->end_ms = to;
		c->degraded |= degraded(x);
	} else if (x->covers_n < FLOWTELL_COVERS) {
		x->cover[x->covers_n++] = (struct cover){ .start_ms = from,
							  .end_ms = to,
							  .degraded = degraded(x) };
	}
}

/* The minute in which it was heard is over. */
static void close_minute(struct exporter *x, uint64_t now_ms)
{
	uint64_t end = (x->heard_ms / minute_ms + 1) * minute_ms;

	if (now_ms < end || x->from_ms >= end || x->silent)
		return;
	cover(x, x->from_ms, end);
	x->from_ms = end;
}

void flowtell_heard(struct flowtell *t, int n, uint64_t now_ms, uint64_t missed)
{
	struct exporter *x = &t->exporter[n];
	uint64_t start = now_ms - now_ms % minute_ms;

	close_minute(x, now_ms);
	if (x->silent)
		x->from_ms = now_ms;
	else if (x->from_ms < start || x->from_ms > now_ms)
		x->from_ms = start;
	x->silent = false;
	x->heard_ms = now_ms;
	if (!missed)
		return;
	x->missed = true;
	flowtell_lost(t, n, missed);
}

void flowtell_sampled(struct flowtell *t, int n)
{
	t->exporter[n].sampled = true;
}

void flowtell_lost(struct flowtell *t, int n, uint64_t records)
{
	struct exporter *x = &t->exporter[n];
	uint64_t most = UINT64_C(1) << 52;

	x->lost = records > most || x->lost + records > most ? most : x->lost + records;
}

void flowtell_gap(struct flowtell *t, int n, uint64_t from_ms, uint64_t records)
{
	struct exporter *x = &t->exporter[n];

	if (from_ms < x->told_ms)
		x->told_ms = from_ms;
	x->gap = x->silent = true;
	flowtell_lost(t, n, records);
}

/* Telling */

static void close_batch(struct flowtell *t)
{
	struct exporter *x = &t->exporter[t->open];
	struct wire_batch b = { .epoch = x->epoch,
				.sequence = x->sequence + 1,
				.records = t->w.records,
				.raw_length = (uint32_t)t->w.body.n };
	struct buf frame = { 0 };

	x->sequence++;
	wire_put_batch(&frame, &b, t->w.body.p, t->w.body.n);
	t->fn(&x->addr, &b, frame.p, frame.n, t->ctx);
	buf_fini(&frame);
	t->open = -1;
}

static void open_batch(struct flowtell *t, int n, uint64_t now_ms)
{
	if (t->open == n && t->w.body.n < FLOWTELL_BODY)
		return;
	if (t->open >= 0)
		close_batch(t);
	wire_writer_begin(&t->w, now_ms);
	t->open = n;
}

void flowtell_edge(struct flowtell *t, int n, const struct flow *f, uint64_t now_ms)
{
	open_batch(t, n, now_ms);
	wire_write_flow(&t->w, f, 0, 0);
}

static void tell_rest(struct flowtell *t, int n, uint64_t now_ms)
{
	struct exporter *x = &t->exporter[n];
	/* A clock that was set back makes no gap that ends before it begins. */
	struct lost lost = { x->told_ms < now_ms ? x->told_ms : now_ms, now_ms, x->lost };

	x->told_ms = now_ms;
	if (!x->covers_n && !x->lost && !x->gap)
		return;
	open_batch(t, n, now_ms);
	if (x->lost || x->gap)
		wire_write_lost(&t->w, &lost);
	for (unsigned i = 0; i < x->covers_n; i++)
		wire_write_cover(&t->w, &x->cover[i]);
	x->covers_n = 0;
	x->lost = 0;
	x->gap = false;
}

void flowtell_end(struct flowtell *t, uint64_t now_ms, bool last)
{
	/* The one that is open first, so that what it has goes into the same batch. */
	for (int i = -1; i < FLOWTELL_EXPORTERS; i++) {
		int n = i < 0 ? t->open : i;
		struct exporter *x = &t->exporter[n < 0 ? 0 : n];

		if (n < 0 || !x->used)
			continue;
		close_minute(x, now_ms);
		if (last && !x->silent && x->from_ms <= now_ms &&
		    x->heard_ms / minute_ms == now_ms / minute_ms) {
			cover(x, x->from_ms, now_ms);
			x->from_ms = now_ms;
		}
		tell_rest(t, n, now_ms);
	}
	if (t->open >= 0)
		close_batch(t);
}
