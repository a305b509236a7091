/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "common/mem.h"
#include "common/wire_record.h"
#include "store/cover.h"
#include "store/intake.h"

static const int64_t hour_ms = 3600000;
static const int64_t day_ms = 86400000;

enum {
	LATE_DAYS = 7,	   /* older than a spool can be; then its time is not believed */
	EARLY_MINUTES = 5, /* a clock that is ahead */
	KEPT_DAYS = 400,
	SPOILT_SIDE = 60,      /* minutes at each end of a loss */
	SPOILT_MINUTES = 1440, /* by one batch */
	BREAK_MS = 1000,       /* between two COVERs: the sensor was not watching */
};

/* Times */

bool intake_plausible(const struct intake *in, int64_t ms)
{
	return ms >= in->received_ms - LATE_DAYS * day_ms &&
	       ms <= in->received_ms + EARLY_MINUTES * INTAKE_MINUTE_MS;
}

bool intake_in_time(const struct intake *in, uint64_t ms)
{
	return ms <= INT64_MAX && intake_plausible(in, (int64_t)ms);
}

/*
 * LAST is kept within the minute, so that the buckets of an edge lie within its life.  A
 * minute of the sensor's is one of ours only where its clock is right: else the one in which
 * FIRST lies.
 */
void intake_times(const struct intake *in, const struct flow *f, struct count_report *r)
{
	int64_t start = (int64_t)f->minute * INTAKE_MINUTE_MS - in->skew_ms;
	int64_t first = f->first_ms <= INT64_MAX ? (int64_t)f->first_ms : INT64_MAX;
	int64_t last = f->last_ms <= INT64_MAX ? (int64_t)f->last_ms : INT64_MAX;

	if (!intake_plausible(in, start)) {
		start = in->received_ms - in->received_ms % INTAKE_MINUTE_MS;
		last = in->received_ms;
	} else if (start % INTAKE_MINUTE_MS) {
		if (first > start)
			start = first < start + INTAKE_MINUTE_MS
					? first
					: start + INTAKE_MINUTE_MS - 1;
		start -= start % INTAKE_MINUTE_MS;
	}
	if (last < start)
		last = start;
	if (last >= start + INTAKE_MINUTE_MS)
		last = start + INTAKE_MINUTE_MS - 1;
	if (first > last)
		first = last;
	if (first < in->received_ms - KEPT_DAYS * day_ms)
		first = in->received_ms - KEPT_DAYS * day_ms;
	if (first < 1000)
		first = last;
	r->minute = start / INTAKE_MINUTE_MS;
	r->first = first / 1000;
	r->last = last / 1000;
}

bool intake_split(const struct intake *in, const struct flow *f, struct count_report *r,
		  struct count_report *rest)
{
	int64_t start = r->minute * INTAKE_MINUTE_MS, border = start + INTAKE_MINUTE_MS;
	int64_t first = (int64_t)f->first_ms, last = (int64_t)f->last_ms;

	if (in->skew_ms % INTAKE_MINUTE_MS == 0 || f->c.opens == 1 ||
	    !intake_in_time(in, f->first_ms) || !intake_in_time(in, f->last_ms) ||
	    first >= border || last <= border || last >= border + INTAKE_MINUTE_MS)
		return false;
	*rest = *r;
	rest->minute++;
	rest->first = border / 1000;
	rest->last = last / 1000;
	rest->amounts = amount_share(&r->amounts, last - border,
				     last - (first > start ? first : start));
	return true;
}

/* Coverage comes last in a batch and is applied first: then less has to change sides. */

bool intake_cover_sane(const struct cover *c)
{
	return c->start_ms <= INT64_MAX && c->end_ms >= c->start_ms &&
	       c->end_ms - c->start_ms <= (uint64_t)hour_ms;
}

/* A sensor that looked away tells all its gauges again, so those from before are void. */
static void run_on(struct sensor *x, int64_t start, int64_t end)
{
	if (x->covered_ms && start > x->covered_ms + BREAK_MS)
		x->run++;
	if (end > x->covered_ms)
		x->covered_ms = end;
}

/* A spool begins, or lost something: the sensor is about to tell its gauges anew. */
static void begin_run(struct intake *in)
{
	in->sensor->run++;
	in->sensor->covered_ms = in->base_ms;
}

static int64_t corrected(const struct intake *in, uint64_t ms)
{
	return ms <= INT64_MAX / 2 ? (int64_t)ms - in->skew_ms : INT64_MAX;
}

static void remember_minute(struct intake *in, int64_t minute)
{
	MEM_GROW(in->minutes, in->minutes_n, in->minutes_cap);
	in->minutes[in->minutes_n++] = minute;
}

static unsigned flaws_of(const struct cover *c)
{
	return c->degraded | (c->overflow ? COVER_OVERFLOW : 0u);
}

static int take_cover(struct intake *in, const struct cover *c, struct err *e)
{
	int64_t start = corrected(in, c->start_ms), end = corrected(in, c->end_ms);

	if (!intake_plausible(in, start) || !intake_plausible(in, end))
		return 0;
	run_on(in->sensor, start, end);
	if (start < in->s->gone * INTAKE_MINUTE_MS)
		start = in->s->gone * INTAKE_MINUTE_MS;
	for (int64_t m = start / INTAKE_MINUTE_MS; m * INTAKE_MINUTE_MS < end; m++)
		remember_minute(in, m);
	return cover_add(in->s, in->sensor->id, start, end, flaws_of(c), e);
}

/*
 * What was dropped are whole batches with their covers, so what is left to be spoilt are the
 * minutes at both ends.
 */
static int spoil(struct intake *in, int64_t start, int64_t end, struct err *e)
{
	int64_t first = start / INTAKE_MINUTE_MS, last = (end - 1) / INTAKE_MINUTE_MS;
	int rc = 0;

	if (!intake_plausible(in, start) || !intake_plausible(in, end))
		return 0;
	if (first < in->s->gone)
		first = in->s->gone;
	for (int64_t m = first; m <= last && !rc && in->spoilt < SPOILT_MINUTES; m++) {
		if (m == first + SPOILT_SIDE && last - SPOILT_SIDE > m)
			m = last - SPOILT_SIDE;
		in->spoilt++;
		remember_minute(in, m);
		rc = cover_spoil(in->s, in->sensor->id, m, COVER_LOST, e);
	}
	return rc;
}

/* What is said of the watch itself, by the sensor's clock; FIRST of its times to LAST. */
static void read_covers(struct intake *in, struct cur body, int64_t *base, int64_t *end)
{
	struct wire_reader r;
	struct wire_record rec;

	wire_reader_begin(&r, body);
	*base = *end = r.base_ms <= INT64_MAX / 2 ? (int64_t)r.base_ms : 0;
	while (wire_reader_next(&r, &rec) > 0) {
		if (rec.kind == WIRE_R_LOST) {
			MEM_GROW(in->losses, in->losses_n, in->losses_cap);
			in->losses[in->losses_n++] = rec.lost;
		} else if (rec.kind == WIRE_R_COVER && intake_cover_sane(&rec.cover)) {
			MEM_GROW(in->covers, in->covers_n, in->covers_cap);
			in->covers[in->covers_n++] = rec.cover;
			if ((int64_t)rec.cover.end_ms > *end)
				*end = (int64_t)rec.cover.end_ms;
		}
	}
	wire_reader_fini(&r);
}

/* Whether the minute of a batch that goes back was watched already. */
static int watched_before(struct intake *in, int64_t ms, bool *out, struct err *e)
{
	struct cover_minute c;
	int rc = cover_get(in->s, in->sensor->id, ms / INTAKE_MINUTE_MS, &c, e);

	*out = !rc && c.ms >= INTAKE_MINUTE_MS - BREAK_MS;
	return rc;
}

/* A correction that makes sense of nothing is none. */
static int follow_clock(struct intake *in, bool first, int64_t base, int64_t end,
			const struct ledger_from *from, struct err *e)
{
	struct sensor *x = in->sensor;
	struct skew_batch b = { .first = first,
				.base_ms = base,
				.end_ms = end,
				.received_ms = in->received_ms,
				.told_ms = from->greeted ? from->skew_ms : x->skew.ms };
	int64_t before = x->skew.ms;
	enum skew_change change;
	int rc = 0;

	if (!intake_plausible(in, base - b.told_ms) && intake_plausible(in, base - before))
		b.told_ms = before;
	if (skew_goes_back(&x->skew, base))
		rc = watched_before(in, base - before, &b.again, e);
	if (rc)
		return rc;
	change = skew_follow(&x->skew, &b);
	if (change == SKEW_REFINED)
		x->covered_ms += before - x->skew.ms;
	x->jumps += change == SKEW_STEPPED;
	in->skew_ms = x->skew.ms;
	if (!intake_plausible(in, base - in->skew_ms) && intake_plausible(in, base))
		in->skew_ms = 0;
	return 0;
}

int intake_watch(struct intake *in, const struct wire_batch *batch,
		 const struct ledger_from *from, struct err *e)
{
	bool first = batch->sequence == 1;
	int64_t base, end;
	int rc;

	read_covers(in, batch->body, &base, &end);
	rc = follow_clock(in, first, base, end, from, e);
	if (rc)
		return rc;
	in->base_ms = intake_plausible(in, base - in->skew_ms) ? base - in->skew_ms
							       : in->received_ms;
	if (first || in->losses_n)
		begin_run(in);
	for (size_t i = 0; i < in->losses_n && !rc; i++)
		rc = spoil(in, corrected(in, in->losses[i].start_ms),
			   corrected(in, in->losses[i].end_ms), e);
	for (size_t i = 0; i < in->covers_n && !rc; i++)
		rc = take_cover(in, &in->covers[i], e);
	return rc;
}
