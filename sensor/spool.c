/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cert.h"
#include "common/mem.h"

struct kept {
	struct kept *next;
	struct lost self;    /* what is lost if this batch is dropped */
	struct lost carried; /* what its own LOST record speaks of */
	uint32_t records;
	size_t n;
	uint8_t body[];
};

/*
 * A queue in order of age.  The batch at the head has sequence `acked + 1` if it has one, and
 * the first `sent - acked` batches have one; `unsent` points at the link to the first without.
 */
struct spool {
	uint64_t epoch, acked, sent;
	size_t cap, bytes, batches;
	struct kept *head;
	struct kept **unsent, **tail;
	struct kept *at;      /* the batch that was given out last, */
	uint64_t at_sequence; /* and its sequence: the next one is found without a walk */
	struct lost pending;  /* dropped, not yet told */
	struct lost told;     /* given out, its batch not yet added */
};

static uint64_t random_epoch(void)
{
	uint64_t v;

	do
		cert_random(&v, sizeof(v));
	while (!v);
	return v;
}

struct spool *spool_new(size_t cap)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));

	sp->epoch = random_epoch();
	sp->cap = cap;
	sp->unsent = sp->tail = &sp->head;
	return sp;
}

void spool_free(struct spool *sp)
{
	if (!sp)
		return;
	while (sp->head) {
		struct kept *k = sp->head;

		sp->head = k->next;
		free(k);
	}
	free(sp);
}

static void lost_merge(struct lost *into, const struct lost *l)
{
	if (!l->records)
		return;
	if (!into->records || l->start_ms < into->start_ms)
		into->start_ms = l->start_ms;
	if (!into->records || l->end_ms > into->end_ms)
		into->end_ms = l->end_ms;
	into->records += l->records;
}

/* Takes out the batch that *LINK points at. */
static struct kept *take_out(struct spool *sp, struct kept **link_at)
{
	struct kept *k = *link_at;

	*link_at = k->next;
	if (sp->tail == &k->next)
		sp->tail = link_at;
	if (sp->unsent == &k->next)
		sp->unsent = link_at;
	sp->bytes -= k->n;
	sp->batches--;
	return k;
}

static void make_room(struct spool *sp)
{
	while (sp->bytes > sp->cap && *sp->unsent && (*sp->unsent)->next) {
		struct kept *k = take_out(sp, sp->unsent);

		lost_merge(&sp->pending, &k->self);
		lost_merge(&sp->pending, &k->carried);
		free(k);
	}
}

void spool_add(struct spool *sp, const struct wire_writer *w, uint64_t start_ms,
	       uint64_t end_ms)
{
	struct kept *k;

	if (!w->records)
		return;
	k = xmalloc(sizeof(*k) + w->body.n);
	k->next = NULL;
	k->records = w->records;
	k->n = w->body.n;
	memcpy(k->body, w->body.p, w->body.n);
	k->carried = sp->told;
	k->self.start_ms = start_ms;
	k->self.end_ms = end_ms;
	k->self.records = w->records;
	memset(&sp->told, 0, sizeof(sp->told));
	*sp->tail = k;
	sp->tail = &k->next;
	sp->bytes += k->n;
	sp->batches++;
	make_room(sp);
}

bool spool_take_lost(struct spool *sp, struct lost *out)
{
	if (!sp->pending.records)
		return false;
	*out = sp->pending;
	lost_merge(&sp->told, &sp->pending);
	memset(&sp->pending, 0, sizeof(sp->pending));
	return true;
}

uint64_t spool_epoch(const struct spool *sp)
{
	return sp->epoch;
}

uint64_t spool_acked(const struct spool *sp)
{
	return sp->acked;
}

uint64_t spool_sent(const struct spool *sp)
{
	return sp->sent;
}

bool spool_empty(const struct spool *sp)
{
	return !sp->head;
}

size_t spool_bytes(const struct spool *sp)
{
	return sp->bytes;
}

size_t spool_batches(const struct spool *sp)
{
	return sp->batches;
}

static struct kept *at_sequence(struct spool *sp, uint64_t sequence)
{
	struct kept *k = sp->head;
	uint64_t s = sp->acked + 1;

	if (sp->at && sp->at_sequence <= sequence) {
		k = sp->at;
		s = sp->at_sequence;
	}
	for (; k && s < sequence; s++)
		k = k->next;
	return k;
}

bool spool_next(struct spool *sp, uint64_t after, struct spool_batch *out)
{
	struct kept *k;

	if (after < sp->acked || after > sp->sent)
		return false;
	k = at_sequence(sp, after + 1);
	if (!k)
		return false;
	if (after == sp->sent) {
		sp->sent++;
		sp->unsent = &k->next;
	}
	sp->at = k;
	sp->at_sequence = after + 1;
	*out = (struct spool_batch){ after + 1, k->records, k->body, k->n };
	return true;
}

int spool_ack(struct spool *sp, uint64_t sequence)
{
	if (sequence > sp->sent)
		return -ERANGE;
	for (; sp->acked < sequence; sp->acked++) {
		struct kept *k = take_out(sp, &sp->head);

		if (sp->at == k)
			sp->at = NULL;
		free(k);
	}
	return 0;
}

int spool_resume(struct spool *sp, uint64_t sequence)
{
	if (sequence < sp->acked)
		return -ESTALE;
	return spool_ack(sp, sequence);
}

void spool_restart(struct spool *sp)
{
	sp->epoch = random_epoch();
	sp->acked = sp->sent = 0;
	sp->unsent = &sp->head;
	sp->at = NULL;
}
