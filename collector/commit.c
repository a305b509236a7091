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
#include "store/ledger.h"
#include "store/store.h"

enum { BUSY_DELAY_MS = 200 };

struct entry {
	STAILQ_ENTRY(entry) link;
	struct commit_source *from; /* NULL once it has gone */
	char sensor[CERT_CN];
	struct wire_batch batch;
	uint8_t *bytes;
	uint64_t received_ms;
	enum ledger_verdict verdict;
};
STAILQ_HEAD(queue, entry);

struct commit {
	struct hub *hub;
	struct event *timer;
	struct queue waiting;
	struct queue writing;		/* during a flush */
	size_t batches, records, bytes; /* waiting */
	bool flushing;
	bool busy;   /* another process writes; the timer is set */
	bool broken; /* the last commit failed: said once, until one succeeds */
};

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	commit_flush(ctx);
}

struct commit *commit_new(struct hub *hub)
{
	struct commit *c = xcalloc(1, sizeof(*c));

	c->hub = hub;
	c->timer = evtimer_new(hub->base, on_timer, c);
	STAILQ_INIT(&c->waiting);
	STAILQ_INIT(&c->writing);
	return c;
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

void commit_free(struct commit *c)
{
	if (!c)
		return;
	free_entries(&c->waiting);
	event_free(c->timer);
	free(c);
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
	n->received_ms = clock_ms();
	STAILQ_INSERT_TAIL(&c->waiting, n, link);
	if (c->batches++ == 0)
		evtimer_add(c->timer, &delay);
	c->records += batch->records;
	c->bytes += batch->raw_length;
	if (!c->flushing && !c->busy &&
	    (c->records >= COMMIT_RECORDS || c->bytes >= COMMIT_BYTES))
		commit_flush(c);
}

static int write_queue(struct commit *c, struct err *e)
{
	struct entry *n;
	int rc = store_begin(c->hub->store, e);

	if (rc)
		return rc;
	STAILQ_FOREACH(n, &c->writing, link)
	{
		/* cppcheck-suppress uninitvar */
		rc = ledger_apply(c->hub->store, n->sensor, &n->batch, n->received_ms,
				  &n->verdict, e);
		if (rc) {
			store_rollback(c->hub->store);
			return rc;
		}
	}
	rc = store_commit(c->hub->store, e);
	if (rc)
		store_rollback(c->hub->store);
	return rc;
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

/*
 * An import or a token is being written: the batches wait for their turn, and their sensors
 * for the acknowledgement, while the loop goes on.
 */
static void wait_for_writer(struct commit *c)
{
	const struct timeval delay = { .tv_usec = BUSY_DELAY_MS * 1000 };
	struct entry *n;

	STAILQ_CONCAT(&c->writing, &c->waiting);
	STAILQ_CONCAT(&c->waiting, &c->writing);
	c->batches = c->records = c->bytes = 0;
	STAILQ_FOREACH(n, &c->waiting, link)
	{
		c->batches++;
		/* cppcheck-suppress uninitvar */
		c->records += n->batch.records;
		c->bytes += n->batch.raw_length;
	}
	evtimer_add(c->timer, &delay);
	c->flushing = false;
	c->busy = true;
}

void commit_flush(struct commit *c)
{
	struct err e = { 0 };
	int rc;

	if (STAILQ_EMPTY(&c->waiting) || c->flushing)
		return;
	c->flushing = true;
	STAILQ_CONCAT(&c->writing, &c->waiting);
	c->batches = c->records = c->bytes = 0;
	evtimer_del(c->timer);
	rc = write_queue(c, &e);
	if (rc == -EBUSY) {
		c->hub->stats->commits_waited++;
		wait_for_writer(c);
		return;
	}
	if (rc) {
		c->hub->stats->commits_failed++;
		fail_all(c, &e);
	} else {
		c->hub->stats->commits++;
		if (c->broken)
			log_info("commits work again");
		answer_all(c);
	}
	c->busy = false;
	c->broken = rc != 0;
	c->hub->stats->commit_failing = c->broken;
	free_entries(&c->writing);
	c->flushing = false;
	c->hub->room(c->hub);
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
	return c->bytes >= HUB_QUEUE_BYTES;
}
