/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct batch {
	struct wire_writer w;
	batch_fn *fn;
	void *ctx;
	uint64_t start_ms, end_ms;
	uint32_t stamp; /* of the processes that this batch has named */
};

struct batch *batch_new(batch_fn *fn, void *ctx)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->fn = fn;
	b->ctx = ctx;
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	wire_writer_fini(&b->w);
	free(b);
}

static void open_writer(struct batch *b)
{
	wire_writer_begin(&b->w, b->start_ms);
	b->stamp++;
}

static void begin(void *ctx, uint64_t start_ms, uint64_t end_ms)
{
	struct batch *b = ctx;

	b->start_ms = start_ms;
	b->end_ms = end_ms;
	open_writer(b);
}

static void hand_on(struct batch *b)
{
	if (b->w.records)
		b->fn(&b->w, b->start_ms, b->end_ms, b->ctx);
}

static struct wire_writer *room(struct batch *b)
{
	if (wire_writer_full(&b->w)) {
		hand_on(b);
		open_writer(b);
	}
	return &b->w;
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

static void flow(void *ctx, const struct flow *f, struct owner_process *owner)
{
	struct batch *b = ctx;
	struct wire_writer *w = room(b);
	uint32_t i = index_of(b, owner);

	wire_write_flow(w, f, f->witness == WITNESS_CLIENT ? i : 0,
			f->witness == WITNESS_SERVER ? i : 0);
}

static void machine(void *ctx, const struct machine *m)
{
	wire_write_machine(room(ctx), m);
}

static void listener(void *ctx, const struct listener *l, struct owner_process *owner)
{
	struct batch *b = ctx;
	struct wire_writer *w = room(b);

	wire_write_listener(w, l, index_of(b, owner));
}

static void capture(void *ctx, const struct capture *c)
{
	wire_write_capture(room(ctx), c);
}

static void usage(void *ctx, const struct usage *u)
{
	wire_write_usage(room(ctx), u);
}

static void translation(void *ctx, const struct translation *t)
{
	wire_write_translation(room(ctx), t);
}

static void end(void *ctx, const struct cover *c)
{
	wire_write_cover(room(ctx), c);
	hand_on(ctx);
}

struct output batch_output(struct batch *b)
{
	return (struct output){ .ctx = b,
				.begin = begin,
				.machine = machine,
				.listener = listener,
				.flow = flow,
				.capture = capture,
				.usage = usage,
				.translation = translation,
				.end = end };
}
