/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/calendar.h"

#include <string.h>
#include <time.h>

/* Times beyond the year 9999 are no dates any more. */
#define LATEST 253402300799

bool calendar_known(const struct wave_rules *r)
{
	return r->start > 0 || r->deadline > 0;
}

static int64_t step(const struct wave_rules *r)
{
	return r->every > 0 ? r->every : CALENDAR_WEEK;
}

static const struct wave_freeze *frozen(const struct wave_rules *r, int64_t t)
{
	for (unsigned i = 0; i < r->freeze_n; i++)
		if (t >= r->freeze[i].from && t < r->freeze[i].to)
			return &r->freeze[i];
	return NULL;
}

/* The next cutover at or after T, which is one if no freeze is. */
static int64_t forwards(const struct wave_rules *r, int64_t t)
{
	const struct wave_freeze *f;
	int64_t by = step(r);

	while (t <= LATEST && (f = frozen(r, t)))
		t += (f->to - t + by - 1) / by * by;
	return t;
}

static int64_t backwards(const struct wave_rules *r, int64_t t)
{
	const struct wave_freeze *f;
	int64_t by = step(r);

	while (t > 0 && (f = frozen(r, t)))
		t -= ((t - f->from) / by + 1) * by;
	return t;
}

static unsigned from_end(const struct wave_rules *r, int64_t *slot, unsigned want)
{
	int64_t t = backwards(r, r->deadline);
	unsigned n = 0;

	for (; n < want && t > 0; n++) {
		slot[want - 1 - n] = t;
		t = backwards(r, t - step(r));
	}
	memmove(slot, slot + (want - n), n * sizeof(*slot));
	return n;
}

unsigned calendar_slots(const struct wave_rules *r, int64_t *slot, unsigned want)
{
	unsigned n = 0;
	int64_t t;

	if (!calendar_known(r))
		return 0;
	if (r->start <= 0)
		return from_end(r, slot, want);
	for (t = forwards(r, r->start); n < want && t <= LATEST;) {
		slot[n++] = t;
		t = forwards(r, t + step(r));
	}
	return n;
}

unsigned calendar_count(const struct wave_rules *r)
{
	unsigned n = 0;
	int64_t t;

	if (r->start <= 0 || r->deadline <= 0)
		return 0;
	for (t = forwards(r, r->start); n < WAVES_MAX && t <= r->deadline && t <= LATEST; n++)
		t = forwards(r, t + step(r));
	return n;
}

const char *calendar_day(int64_t seconds, char *out)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	*out = 0;
	if (gmtime_r(&t, &tm))
		strftime(out, CALENDAR_TEXT, "%Y-%m-%d", &tm);
	return out;
}
