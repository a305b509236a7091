/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that ask: how many connections each has, and how often it was refused something.
 */
#include <stdlib.h>

#include "collector/http_priv.h"

enum { WINDOW_S = 60 };

uint64_t http_now_s(void)
{
	return stats_clock_ms() / 1000;
}

static bool is_recent(const struct http_source *s)
{
	return http_now_s() - s->since_s < WINDOW_S;
}

static void forget_old(struct http_front_state *f)
{
	struct http_source *s, *next;

	HASH_ITER (hh, f->sources, s, next) {
		if (s->conns || is_recent(s))
			continue;
		HASH_DEL(f->sources, s);
		free(s);
		f->sources_n--;
	}
}

struct http_source *http_source_of(struct http_front_state *f, const struct addr *a)
{
	struct http_source *s = NULL;

	HASH_FIND(hh, f->sources, a, sizeof(*a), s);
	if (s)
		return s;
	if (f->sources_n >= HTTP_SOURCES)
		forget_old(f);
	if (f->sources_n >= HTTP_SOURCES)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->addr = *a;
	HASH_ADD(hh, f->sources, addr, sizeof(s->addr), s);
	f->sources_n++;
	return s;
}

/* What a worker does costs it nothing here. */
void http_source_note(struct http_source *s, int status)
{
	if (!s || status < 400 || status == 404 || status == 503 || status == 409)
		return;
	if (!is_recent(s)) {
		s->since_s = http_now_s();
		s->refusals = 0;
	}
	s->refusals++;
}

bool http_source_limited(const struct http_source *s)
{
	return s && s->refusals >= HTTP_REFUSALS && is_recent(s);
}
