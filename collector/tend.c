/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/tend.h"

#include <errno.h>
#include <stdlib.h>
#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/doctor.h"
#include "store/integrity.h"

enum {
	TURN_MS = 60000,
	PACE = 24,	/* what is newest goes ahead by so much of the time that passes */
	PACE_SHORT = 2, /* where minutes are kept for less than a record may come late */
	REST_MS = 20,	/* after a slice, at least, */
	REST_TIMES = 4, /* and so many times as long as it took */
	FAILED_MS = 10000,
};

struct tend {
	struct hub *hub;
	struct retain keep;
	struct event *timer;
	uint64_t turned_us; /* when the last turn began */
	bool in_turn, failed;
};

static void again(struct tend *t, uint64_t ms)
{
	const struct timeval delay = { .tv_sec = (time_t)(ms / 1000),
				       .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(t->timer, &delay);
}

static void count(struct tend *t, const struct retain_done *d, uint64_t took_us)
{
	struct stats *s = t->hub->stats;

	s->rows_packed += d->packed;
	s->rows_removed += d->removed;
	s->edges_removed += d->edges;
	s->names_removed += d->names;
	if (took_us > s->tend_worst_us)
		s->tend_worst_us = took_us;
}

static void look_at_file(struct tend *t)
{
	struct doctor_file f;

	if (doctor_file(t->hub->store, &f, NULL))
		return;
	t->hub->stats->file_bytes = f.bytes;
	t->hub->stats->file_free_bytes = f.free_bytes;
}

/*
 * After a stop sensors bring what they kept, and what is newest comes first from some of
 * them: minutes go slowly enough for the others to come, too.
 */
static void set_pace(struct tend *t, uint64_t now_us)
{
	uint64_t s = t->turned_us ? (now_us - t->turned_us) / 1000000 : 0;

	if (s < TURN_MS / 1000)
		s = TURN_MS / 1000;
	if (s > RETAIN_DAY)
		s = RETAIN_DAY;
	t->keep.pace = (uint32_t)s * (t->keep.minutes < RETAIN_LATE ? PACE_SHORT : PACE);
	t->turned_us = now_us;
}

static void fail(struct tend *t, const struct err *e)
{
	if (integrity_broken(e->code) && t->hub->broken) {
		t->hub->broken(t->hub, e);
		return;
	}
	if (!t->failed && e->code != -EBUSY)
		log_warn("retention: %s", e->msg);
	t->failed = e->code != -EBUSY;
	again(t, FAILED_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct tend *t = ctx;
	struct retain_done done = { 0 };
	struct err e = { 0 };
	uint64_t began = clock_us(), took;
	int rc = 0;

	(void)fd, (void)what;
	if (!t->in_turn) {
		look_at_file(t);
		set_pace(t, began);
		rc = retain_turn(t->hub->store, &t->keep, (int64_t)clock_ms(), &e);
	}
	if (!rc)
		rc = retain_step(t->hub->store, &t->keep, &done, &e);
	took = clock_us() - began;
	count(t, &done, took);
	t->in_turn = rc > 0;
	if (rc < 0) {
		fail(t, &e);
		return;
	}
	t->failed = false;
	again(t, rc ? REST_MS + REST_TIMES * took / 1000 : TURN_MS);
}

struct tend *tend_new(struct hub *hub, const struct retain *keep)
{
	struct tend *t = xcalloc(1, sizeof(*t));

	t->hub = hub;
	t->keep = *keep;
	t->timer = evtimer_new(hub->base, on_timer, t);
	again(t, REST_MS);
	return t;
}

void tend_free(struct tend *t)
{
	if (!t)
		return;
	event_free(t->timer);
	free(t);
}
