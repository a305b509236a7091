/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of flows on their way to the collector, until it has committed them.  What could not
 * be committed comes again, in the old order: the ledger takes the next sequence alone.  Pure.
 */
#ifndef COLLECTOR_FLOWQUEUE_H
#define COLLECTOR_FLOWQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FLOWQUEUE_WINDOW = 32,	     /* batches that may be unanswered */
	FLOWQUEUE_FULL = 128,	     /* when it holds so many nothing more should be put in */
	FLOWQUEUE_PAUSE_MS = 1000,   /* before batches come again */
	FLOWQUEUE_SILENT_MS = 60000, /* an answer that takes longer is not waited for */
};

struct flowqueue;
struct flowqueue *flowqueue_new(void);
void flowqueue_free(struct flowqueue *q);

/* Copies the N bytes of MESSAGE. */
void flowqueue_put(struct flowqueue *q, uint64_t epoch, uint64_t sequence, const void *message,
		   size_t n);
/* What is to be sent at NOW_MS, NULL for nothing; borrowed until the next call but
 * flowqueue_sent, which says that it is on its way. */
const void *flowqueue_next(struct flowqueue *q, uint64_t now_ms, size_t *n);
void flowqueue_sent(struct flowqueue *q, uint64_t now_ms);
/* The collector's answers; those to nothing that is there are ignored. */
void flowqueue_done(struct flowqueue *q, uint64_t epoch, uint64_t sequence);
void flowqueue_again(struct flowqueue *q, uint64_t now_ms);

unsigned flowqueue_count(const struct flowqueue *q);
/* Batches that were sent more than once, all in all. */
uint64_t flowqueue_repeated(const struct flowqueue *q);

#endif
