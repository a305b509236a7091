/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/batch.h"

#include <string.h>

void batch_init(struct batch *b, struct spool *spool)
{
	memset(b, 0, sizeof(*b));
	b->spool = spool;
}

void batch_fini(struct batch *b)
{
	wire_writer_fini(&b->w);
}

static void open_writer(struct batch *b)
{
	wire_writer_begin(&b->w, b->start_ms);
	b->stamp++;
}

void batch_begin(struct batch *b, uint64_t start_ms, uint64_t end_ms)
{
	b->start_ms = start_ms;
	b->end_ms = end_ms;
	open_writer(b);
}

static void make_room(struct batch *b)
{
	if (!wire_writer_full(&b->w))
		return;
	spool_add(b->spool, &b->w, b->start_ms, b->end_ms);
	open_writer(b);
}

static uint32_t index_of(struct batch *b, struct owner_process *owner)
{
	if (!owner)
		return 0;
	if (owner->stamp != b->stamp) {
		owner->stamp = b->stamp;
		owner->index = wire_write_process(&b->w, &owner->p);
	}
	return owner->index;
}

void batch_flow(struct batch *b, const struct flow *f, struct owner_process *owner)
{
	uint32_t i;

	make_room(b);
	i = index_of(b, owner);
	wire_write_flow(&b->w, f, f->witness == WITNESS_CLIENT ? i : 0,
			f->witness == WITNESS_SERVER ? i : 0);
}

void batch_machine(struct batch *b, const struct machine *m)
{
	make_room(b);
	wire_write_machine(&b->w, m);
}

void batch_listener(struct batch *b, const struct listener *l, struct owner_process *owner)
{
	make_room(b);
	wire_write_listener(&b->w, l, index_of(b, owner));
}

void batch_usage(struct batch *b, const struct usage *u)
{
	make_room(b);
	wire_write_usage(&b->w, u);
}

void batch_lost(struct batch *b, const struct lost *l)
{
	make_room(b);
	wire_write_lost(&b->w, l);
}

void batch_end(struct batch *b, const struct cover *c)
{
	make_room(b);
	wire_write_cover(&b->w, c);
	spool_add(b->spool, &b->w, b->start_ms, b->end_ms);
}
