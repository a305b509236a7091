/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/capture.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { ACTIVE, PASSIVE, SIDES };
enum { FORGET_AFTER = 60 }; /* intervals without a word */

struct space {
	uint32_t netns;
	unsigned idle; /* intervals */
	bool read;     /* in this interval */
	uint64_t seen[SIDES], waiting[SIDES], kernel[SIDES];
	uint64_t told_seen[SIDES], told_kernel[SIDES];
	uint64_t missed[SIDES]; /* of what was told; may be made up for */
};

struct capture_table {
	struct space space[CAPTURE_NAMESPACES]; /* by number */
	unsigned n;
	bool begun;
};

struct capture_table *capture_new(void)
{
	return xcalloc(1, sizeof(struct capture_table));
}

void capture_free(struct capture_table *t)
{
	free(t);
}

void capture_begin(struct capture_table *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		memset(t->space[i].waiting, 0, sizeof(t->space[i].waiting));
		t->space[i].read = false;
	}
}

/* NULL when there is no room: then nothing is claimed of that namespace. */
static struct space *space_of(struct capture_table *t, uint32_t netns)
{
	unsigned lo = 0, hi = t->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (t->space[mid].netns < netns)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < t->n && t->space[lo].netns == netns)
		return &t->space[lo];
	if (t->n == CAPTURE_NAMESPACES)
		return NULL;
	memmove(&t->space[lo + 1], &t->space[lo], (t->n - lo) * sizeof(*t->space));
	t->n++;
	t->space[lo] = (struct space){ .netns = netns };
	return &t->space[lo];
}

void capture_seen(struct capture_table *t, uint32_t netns, uint64_t active, uint64_t passive)
{
	struct space *sp = space_of(t, netns);

	if (!sp)
		return;
	sp->seen[ACTIVE] += active;
	sp->seen[PASSIVE] += passive;
}

void capture_waiting(struct capture_table *t, uint32_t netns, uint64_t active,
		     uint64_t passive)
{
	struct space *sp = space_of(t, netns);

	if (!sp)
		return;
	sp->waiting[ACTIVE] += active;
	sp->waiting[PASSIVE] += passive;
}

void capture_kernel(struct capture_table *t, uint32_t netns, uint64_t active, uint64_t passive)
{
	struct space *sp = space_of(t, netns);

	if (!sp)
		return;
	if (active < sp->told_kernel[ACTIVE] || passive < sp->told_kernel[PASSIVE])
		*sp = (struct space){ .netns = netns };
	sp->kernel[ACTIVE] = active;
	sp->kernel[PASSIVE] = passive;
	sp->read = true;
}

/* What is new of SEEN and KERNEL; what was seen may wait for what was told too early. */
static void settle(struct space *sp, int side, uint64_t *seen, uint64_t *kernel)
{
	uint64_t is = sp->seen[side] + sp->waiting[side];

	*seen = is > sp->told_seen[side] ? is - sp->told_seen[side] : 0;
	*kernel = sp->kernel[side] - sp->told_kernel[side];
	sp->told_seen[side] += *seen;
	sp->told_kernel[side] = sp->kernel[side];
}

/*
 * What is seen beyond all that the kernel counted is no merit: it fell between the two
 * readings of the first interval, and would hide as much that is missed later.
 */
static void weigh(struct space *sp, int side, uint64_t *seen, uint64_t kernel)
{
	uint64_t due = sp->missed[side] + kernel;

	if (*seen > due)
		*seen = due;
	sp->missed[side] = due - *seen;
}

static void emit_space(struct space *sp, struct capture *c, capture_fn *fn, void *ctx)
{
	c->netns = sp->netns;
	settle(sp, ACTIVE, &c->active_seen, &c->active_kernel);
	settle(sp, PASSIVE, &c->passive_seen, &c->passive_kernel);
	if (!fn)
		return;
	weigh(sp, ACTIVE, &c->active_seen, c->active_kernel);
	weigh(sp, PASSIVE, &c->passive_seen, c->passive_kernel);
	if (c->active_seen || c->active_kernel || c->passive_seen || c->passive_kernel) {
		sp->idle = 0;
		fn(c, ctx);
	}
}

static void forget_idle(struct capture_table *t)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (t->space[i].read || ++t->space[i].idle <= FORGET_AFTER)
			t->space[kept++] = t->space[i];
	t->n = kept;
}

void capture_emit(struct capture_table *t, uint64_t start_ms, uint64_t end_ms, capture_fn *fn,
		  void *ctx)
{
	struct capture c = { .start_ms = start_ms, .end_ms = end_ms };

	for (unsigned i = 0; i < t->n; i++)
		if (t->space[i].read)
			emit_space(&t->space[i], &c, t->begun ? fn : NULL, ctx);
	t->begun = true;
	forget_idle(t);
}
