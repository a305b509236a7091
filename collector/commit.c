/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>

#include "common/cert.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/close.h"
#include "store/integrity.h"
#include "store/ledger.h"
#include "store/store.h"

enum {
	BUSY_DELAY_MS = 200,
	CLOSE_SLICE = 400, /* rows of minutes that are over, at once */
	CLOSE_IDLE_MS = 5000,
	CLOSE_PAUSE_MS = 20,  /* while there is more to do */
	CLOSE_LAST_MS = 1500, /* before the collector ends */
	FULL_DELAY_MS = 1000,
};

struct entry {
	STAILQ_ENTRY(entry) link;
	struct commit_source *from; /* NULL once it has gone */
	char sensor[CERT_CN];
	struct wire_batch batch;
	uint8_t *bytes;
	struct ledger_from how;
	enum ledger_verdict verdict;
};
STAILQ_HEAD(queue, entry);

struct commit {
	struct hub *hub;
	struct event *timer, *idle, *turn;
	struct queue waiting;
	struct queue writing;		/* during a flush */
	size_t batches, records, bytes; /* waiting */
	unsigned slice;			/* of what is over */
	bool flushing;
	bool turned; /* nothing more in this turn of the loop, so that answers go out */
	bool busy;   /* another process writes, or the disk is full; the timer is set */
	bool full;   /* the disk is: said once */
	bool broken; /* the last commit failed: said once, until one succeeds */
};

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	commit_flush(ctx);
}

static void free_entries(struct queue *q)
{
	struct entry *n;

	while ((n = STAILQ_FIRST(q))) {
		STAILQ_REMOVE_HEAD(q, link);
		free(n->bytes);
		free(n);
	}
}

void commit_add(struct commit *c, struct commit_source *from, const char *sensor,
		const struct wire_batch *batch, uint8_t *bytes)
{
	const struct timeval delay = { .tv_usec = COMMIT_DELAY_MS * 1000 };
	struct entry *n = xcalloc(1, sizeof(*n));

	n->from = from;
	snprintf(n->sensor, sizeof(n->sensor), "%s", sensor);
	n->batch = *batch;
	n->bytes = bytes;
	n->how = (struct ledger_from){ clock_ms(), from->greeted, from->skew_ms };
	STAILQ_INSERT_TAIL(&c->waiting, n, link);
	if (c->batches++ == 0)
		evtimer_add(c->timer, &delay);
	c->records += batch->records;
	c->bytes += batch->raw_length;
	if (!c->flushing && !c->busy &&
	    (c->records >= COMMIT_RECORDS || c->bytes >= COMMIT_BYTES))
		commit_flush(c);
}

static int apply_queue(struct commit *c, struct err *e)
{
	struct entry *n;
	int rc = 0;

	STAILQ_FOREACH(n, &c->writing, link)
	{
		/* cppcheck-suppress uninitvar */
		rc = ledger_apply(c->hub->store, n->sensor, &n->batch, &n->how, &n->verdict,
				  e);
		if (rc)
			break;
	}
	return rc;
}

/* Minutes that are over, for as long as the batches took: no sensor waits twice that. */
static int close_along(struct commit *c, int64_t now_ms, uint64_t began_us, struct err *e)
{
	uint64_t until_us = 2 * clock_us() - began_us;
	int more;

	do {
		more = close_some(c->hub->store, now_ms, CLOSE_SLICE, e);
	} while (more > 0 && clock_us() < until_us);
	return more;
}

/*
 * What is in the writing queue, if anything, and along with it some of the minutes that are
 * over at NOW_MS.  1 when there are more of these, 0 when not.
 */
static int write_queue(struct commit *c, int64_t now_ms, struct err *e)
{
	struct store *s = c->hub->store;
	uint64_t began_us = clock_us();
	int more = 0, rc = store_begin(s, e);

	if (rc)
		return rc;
	rc = apply_queue(c, e);
	if (!rc)
		more = close_along(c, now_ms, began_us, e);
	rc = rc ? rc : more < 0 ? more : store_commit(s, e);
	if (rc)
		store_rollback(s);
	return rc ? rc : more;
}

static void answer_all(struct commit *c)
{
	struct entry *n;

	STAILQ_FOREACH(n, &c->writing, link)
	if (n->from)
		n->from->committed(n->from, &n->batch, n->verdict);
	STAILQ_FOREACH(n, &c->writing, link)
	if (n->from)
		n->from->answer(n->from);
}

static size_t bytes_of(const struct queue *q)
{
	const struct entry *n;
	size_t bytes = 0;

	STAILQ_FOREACH(n, q, link)
	bytes += n->batch.raw_length;
	return bytes;
}

/* Nothing was acknowledged, so the sensors will send it all again. */
static void fail_all(struct commit *c, const struct err *e)
{
	struct entry *n;

	if (!c->broken)
		log_err("commit failed, sensors will send again: %s", e->msg);
	STAILQ_FOREACH(n, &c->writing, link)
	if (n->from)
		n->from->failed(n->from, &n->batch);
}

/* The batches wait for their turn, and their sensors for the acknowledgement. */
static void wait_on(struct commit *c, unsigned ms)
{
	const struct timeval delay = { .tv_sec = ms / 1000,
				       .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	struct entry *n;

	STAILQ_CONCAT(&c->writing, &c->waiting);
	STAILQ_CONCAT(&c->waiting, &c->writing);
	c->batches = c->records = c->bytes = 0;
	STAILQ_FOREACH(n, &c->waiting, link)
	{
		c->batches++;
		c->records += n->batch.records;
		c->bytes += n->batch.raw_length;
	}
	evtimer_add(c->timer, &delay);
	c->busy = true;
}

/*
 * Nothing is written and nothing acknowledged until there is room.  Sensors that lose patience
 * come again and bring the same again, so what waits has a bound.
 */
static void wait_for_room(struct commit *c, const struct err *e)
{
	if (!c->full)
		log_err("the disk is full, sensors wait: %s", e->msg);
	c->full = true;
	c->hub->stats->disk_full = 1;
	c->hub->stats->commit_failing = 1;
	if (c->bytes + bytes_of(&c->writing) > COMMIT_BYTES) {
		fail_all(c, e);
		free_entries(&c->writing);
	}
	wait_on(c, FULL_DELAY_MS);
}

static void fail(struct commit *c, const struct err *e)
{
	c->hub->stats->commits_failed++;
	c->hub->stats->commit_failing = 1;
	fail_all(c, e);
	free_entries(&c->writing);
	c->broken = true;
	if (integrity_broken(e->code) && c->hub->broken)
		c->hub->broken(c->hub, e);
}

static void succeed(struct commit *c)
{
	c->hub->stats->commits++;
	c->hub->stats->disk_full = 0;
	c->hub->stats->commit_failing = 0;
	if (c->full)
		log_info("there is room on the disk again");
	else if (c->broken)
		log_info("commits work again");
	c->full = c->broken = false;
	answer_all(c);
	free_entries(&c->writing);
}

/* As write_queue, timed. */
static int write_timed(struct commit *c, int64_t now_ms, struct err *e)
{
	uint64_t began = clock_us();
	int rc = write_queue(c, now_ms, e);

	began = clock_us() - began;
	if (began > c->hub->stats->commit_worst_us)
		c->hub->stats->commit_worst_us = began;
	return rc;
}

void commit_flush(struct commit *c)
{
	const struct timeval now = { 0 };
	struct err e = { 0 };
	int rc;

	if (STAILQ_EMPTY(&c->waiting) || c->flushing)
		return;
	c->flushing = c->turned = true;
	c->busy = false;
	STAILQ_CONCAT(&c->writing, &c->waiting);
	c->batches = c->records = c->bytes = 0;
	evtimer_del(c->timer);
	rc = write_timed(c, (int64_t)clock_ms(), &e);
	c->hub->stats->commits_waited += rc == -EBUSY || rc == -ENOSPC;
	if (rc == -EBUSY) /* an import or a token is being written; the loop goes on */
		wait_on(c, BUSY_DELAY_MS);
	else if (rc == -ENOSPC)
		wait_for_room(c, &e);
	else if (rc < 0)
		fail(c, &e);
	else
		succeed(c);
	c->flushing = false;
	evtimer_add(c->turn, &now);
}

/* Minutes that are over where no batch brings a transaction along.  As write_queue. */
static int close_minutes(struct commit *c, int64_t now_ms)
{
	struct err e = { 0 };
	int rc;

	if (c->flushing || !STAILQ_EMPTY(&c->waiting))
		return 0;
	rc = write_timed(c, now_ms, &e);
	if (rc < 0 && rc != -EBUSY && rc != -ENOSPC)
		fail(c, &e);
	else if (rc >= 0 && c->broken)
		succeed(c);
	return rc;
}

static void on_idle(evutil_socket_t fd, short what, void *ctx)
{
	struct timeval next = { .tv_sec = CLOSE_IDLE_MS / 1000 };
	struct commit *c = ctx;

	(void)fd, (void)what;
	if (close_minutes(c, (int64_t)clock_ms()) > 0)
		next = (struct timeval){ .tv_usec = CLOSE_PAUSE_MS * 1000 };
	evtimer_add(c->idle, &next);
}

void commit_finish(struct commit *c)
{
	uint64_t until = stats_clock_ms() + CLOSE_LAST_MS;

	commit_flush(c);
	while (close_minutes(c, CLOSE_ALL) > 0 && stats_clock_ms() < until)
		;
}

/* A timer: what is made active in a turn of the loop is done before it looks at sockets. */
static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct commit *c = ctx;

	(void)fd, (void)what;
	c->turned = false;
	c->hub->room(c->hub);
}

struct commit *commit_new(struct hub *hub)
{
	const struct timeval now = { 0 };
	struct commit *c = xcalloc(1, sizeof(*c));

	c->hub = hub;
	c->timer = evtimer_new(hub->base, on_timer, c);
	c->idle = evtimer_new(hub->base, on_idle, c);
	c->turn = evtimer_new(hub->base, on_turn, c);
	STAILQ_INIT(&c->waiting);
	STAILQ_INIT(&c->writing);
	evtimer_add(c->idle, &now);
	return c;
}

void commit_free(struct commit *c)
{
	if (!c)
		return;
	free_entries(&c->waiting);
	event_free(c->timer);
	event_free(c->idle);
	event_free(c->turn);
	free(c);
}

void commit_forget(struct commit *c, const struct commit_source *from)
{
	struct entry *n;

	STAILQ_FOREACH(n, &c->waiting, link)
	if (n->from == from)
		n->from = NULL;
	STAILQ_FOREACH(n, &c->writing, link)
	if (n->from == from)
		n->from = NULL;
}

size_t commit_queued(const struct commit *c)
{
	return c->batches;
}

bool commit_full(const struct commit *c)
{
	return c->turned || c->bytes >= HUB_QUEUE_BYTES;
}
