/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowqueue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/mem.h"

struct item {
	TAILQ_ENTRY(item) link;
	uint64_t epoch, sequence;
	uint64_t sent_ms; /* 0: is to be sent */
	bool repeated;
	size_t n;
	uint8_t message[];
};
TAILQ_HEAD(items, item);

struct flowqueue {
	struct items items;
	unsigned n, unanswered;
	uint64_t pause_until_ms, repeated;
};

struct flowqueue *flowqueue_new(void)
{
	struct flowqueue *q = xcalloc(1, sizeof(*q));

	TAILQ_INIT(&q->items);
	return q;
}

static void drop(struct flowqueue *q, struct item *i)
{
	TAILQ_REMOVE(&q->items, i, link);
	q->n--;
	q->unanswered -= i->sent_ms != 0;
	free(i);
}

void flowqueue_free(struct flowqueue *q)
{
	struct item *i;

	if (!q)
		return;
	while ((i = TAILQ_FIRST(&q->items)))
		drop(q, i);
	free(q);
}

void flowqueue_put(struct flowqueue *q, uint64_t epoch, uint64_t sequence, const void *message,
		   size_t n)
{
	struct item *i = xmalloc(sizeof(*i) + n);

	*i = (struct item){ .epoch = epoch, .sequence = sequence, .n = n };
	memcpy(i->message, message, n);
	TAILQ_INSERT_TAIL(&q->items, i, link);
	q->n++;
}

static struct item *first_unsent(struct flowqueue *q)
{
	struct item *i;

	TAILQ_FOREACH(i, &q->items, link)
	if (!i->sent_ms)
		return i;
	return NULL;
}

const void *flowqueue_next(struct flowqueue *q, uint64_t now_ms, size_t *n)
{
	struct item *oldest = TAILQ_FIRST(&q->items), *i;

	if (oldest && oldest->sent_ms && now_ms > oldest->sent_ms + FLOWQUEUE_SILENT_MS)
		flowqueue_again(q, now_ms);
	if (now_ms < q->pause_until_ms || q->unanswered >= FLOWQUEUE_WINDOW)
		return NULL;
	i = first_unsent(q);
	if (!i)
		return NULL;
	*n = i->n;
	return i->message;
}

void flowqueue_sent(struct flowqueue *q, uint64_t now_ms)
{
	struct item *i = first_unsent(q);

	q->repeated += i->repeated;
	i->sent_ms = now_ms;
	i->repeated = true;
	q->unanswered++;
}

void flowqueue_done(struct flowqueue *q, uint64_t epoch, uint64_t sequence)
{
	struct item *i;

	TAILQ_FOREACH(i, &q->items, link)
	if (i->epoch == epoch && i->sequence == sequence) {
		drop(q, i);
		return;
	}
}

void flowqueue_again(struct flowqueue *q, uint64_t now_ms)
{
	struct item *i;

	TAILQ_FOREACH(i, &q->items, link)
	i->sent_ms = 0;
	q->unanswered = 0;
	q->pause_until_ms = now_ms + FLOWQUEUE_PAUSE_MS;
}

unsigned flowqueue_count(const struct flowqueue *q)
{
	return q->n;
}

uint64_t flowqueue_repeated(const struct flowqueue *q)
{
	return q->repeated;
}
