/* SPDX-License-Identifier: Apache-2.0 */
#include "store/window.h"

enum { HOUR = 60, DAY = 1440 };

/* Far enough for every clock, and a whole day. */
static const int64_t end_of_time = (int64_t)DAY * 100000000;

struct parts {
	struct window_part *out;
	unsigned n;
};

static void add(struct parts *p, enum window_level level, int64_t from, int64_t to)
{
	if (from < to)
		p->out[p->n++] = (struct window_part){ level, from, to };
}

static int64_t up(int64_t v, int64_t unit)
{
	return v / unit + (v % unit > 0);
}

/* The minutes [A, B), of which the middle is whole hours if there are any. */
static void add_hours(struct parts *p, int64_t a, int64_t b)
{
	int64_t first = up(a, HOUR), last = b / HOUR;

	if (first >= last) {
		add(p, WINDOW_MINUTES, a, b);
		return;
	}
	add(p, WINDOW_MINUTES, a, first * HOUR);
	add(p, WINDOW_HOURS, first, last);
	add(p, WINDOW_MINUTES, last * HOUR, b);
}

unsigned window_split(int64_t since, int64_t until, struct window_part out[WINDOW_PARTS])
{
	struct parts p = { .out = out };
	int64_t a = since > 0 ? since / 60 : 0;
	int64_t b = until > 0 ? up(until, 60) : end_of_time;
	int64_t first = up(a, DAY), last;

	if (b > end_of_time)
		b = end_of_time;
	last = b / DAY;
	if (first >= last) {
		add_hours(&p, a, b);
		return p.n;
	}
	/* At a day's ends there is no minute on the far side, so five parts are enough. */
	add_hours(&p, a, first * DAY);
	add(&p, WINDOW_DAYS, first, last);
	add_hours(&p, last * DAY, b);
	return p.n;
}
