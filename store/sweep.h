/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes conversations of which nobody speaks, and endpoints, processes and details out of the
 * dictionary that nothing refers to.
 *
 * First it walks over all that refers to them and notes what is referred to, some thousand
 * rows at a time; then over the dictionary.  What the ledger looks up meanwhile is noted as
 * well (sweep_conversation, sweep_endpoint, sweep_process), so that nothing goes that has just
 * come into use.  When another process has written, all is to begin anew: sweep_free.
 */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include "common/err.h"
#include "store/priv.h"

struct sweep;

/* In the caller's transaction: 1 if there is more, 0 when all is walked over; *N are gone. */
int sweep_step(struct store *s, unsigned max, uint64_t *n, struct err *e);
void sweep_free(struct sweep *w);

void sweep_note_conversation(struct sweep *w, int64_t id);
void sweep_note_endpoint(struct sweep *w, int64_t id);
void sweep_note_process(struct sweep *w, int64_t id);
static inline void sweep_conversation(struct store *s, int64_t id)
{
	if (s->sweep)
		sweep_note_conversation(s->sweep, id);
}
static inline void sweep_endpoint(struct store *s, int64_t id)
{
	if (s->sweep)
		sweep_note_endpoint(s->sweep, id);
}
static inline void sweep_process(struct store *s, int64_t id)
{
	if (s->sweep)
		sweep_note_process(s->sweep, id);
}

#endif
