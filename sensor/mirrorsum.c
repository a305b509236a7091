/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirrorsum.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/edgetab.h"

struct mirrorsum {
	struct edgetab *edges;
	struct owner_process nobody; /* edgetab holds back what has no owner */
	uint64_t base_ms;
	mirrorsum_fn *fn; /* during mirrorsum_emit */
	void *ctx;
};

struct mirrorsum *mirrorsum_new(unsigned cap, uint64_t base_ms)
{
	struct mirrorsum *s = xcalloc(1, sizeof(*s));

	s->edges = edgetab_new(cap);
	s->nobody.p = (struct process){ "", "", "", "", "", "", "" };
	s->base_ms = base_ms;
	return s;
}

void mirrorsum_free(struct mirrorsum *s)
{
	if (!s)
		return;
	edgetab_free(s->edges);
	free(s);
}

static uint64_t since_base_ns(const struct mirrorsum *s, uint64_t ns)
{
	uint64_t base = s->base_ms * 1000000;

	return ns > base ? ns - base : 0;
}

static struct edge_key key_of(const struct flow_over *f)
{
	const struct conn *c = f->c;
	struct edge_key key = { .dir = EDGE_CLIENT, .port = c->port[!f->client] };

	memcpy(key.local, c->end[f->client].b, 16);
	memcpy(key.remote, c->end[!f->client].b, 16);
	return key;
}

/* The client has gone on after its SYN: where the mirror is one-sided that is all there is. */
static bool went_on(const struct flow_over *f)
{
	return f->state == CONN_ESTABLISHED || f->state == CONN_WAS_RESET ||
	       (f->c->opener && f->c->seen[f->client] & SIDE_SPOKE);
}

/* What became of an attempt; nothing for a connection whose beginning was not seen. */
static void judge(struct edge_val *v, const struct flow_over *f)
{
	const struct conn *c = f->c;

	if (f->state == CONN_MID || f->state == CONN_MID_RESET)
		return;
	if (!went_on(f) && f->state != CONN_REFUSED && f->state != CONN_UNANSWERED) {
		v->abandoned = 1; /* answered, and the client did not come back to it */
		return;
	}
	v->opens = 1;
	if (went_on(f))
		v->resets =
			f->state == CONN_WAS_RESET && !c->side[0].bytes && !c->side[1].bytes;
	else if (f->state == CONN_REFUSED)
		v->refused = 1;
	else
		v->timeouts = 1;
}

static void add_round_trip(struct edge_val *v, const struct conn *c)
{
	if (!c->syn_us || c->synack_us < c->syn_us || c->ack_us < c->synack_us)
		return;
	v->rtt_sum_us = c->ack_us - c->syn_us; /* from client to server and back */
	v->rtt_n = 1;
}

void mirrorsum_over(struct mirrorsum *s, const struct flow_over *f)
{
	const struct conn *c = f->c;
	uint64_t first = since_base_ns(s, c->first_ns);
	struct edge_key key = key_of(f);
	struct edge_val v = { .tx = c->side[f->client].bytes,
			      .rx = c->side[!f->client].bytes,
			      .closes = 1,
			      .first_ns = first,
			      .last_ns = since_base_ns(s, c->last_ns) };

	judge(&v, f);
	add_round_trip(&v, c);
	if (v.opens)
		v.sample[0] = (struct edge_sample){ .start_ms = (uint32_t)(first / 1000000),
						    .port = c->port[f->client],
						    .used = 1 };
	edgetab_closed(s->edges, &key, &v, &s->nobody);
}

void mirrorsum_begin(struct mirrorsum *s)
{
	edgetab_begin(s->edges, s->base_ms);
}

void mirrorsum_live(struct mirrorsum *s, const struct flow_over *f)
{
	const struct conn *c = f->c;
	bool mid = f->state == CONN_MID || f->state == CONN_MID_RESET;
	struct live_record r = {
		.key = key_of(f),
		.tx = c->side[f->client].bytes,
		.rx = c->side[!f->client].bytes,
		.start_ms = (uint32_t)(since_base_ns(s, c->first_ns) / 1000000),
		.client_port = c->port[f->client],
		.opened = !mid && went_on(f),
		.pending = !mid && !went_on(f),
		.over = conn_is_over(c),
	};

	edgetab_live(s->edges, &r, &s->nobody);
}

static void on_flow(const struct flow *f, struct owner_process *owner, void *ctx)
{
	struct mirrorsum *s = ctx;
	struct flow told = *f;

	(void)owner;
	told.witness = WITNESS_MIRROR;
	s->fn(s->ctx, &told);
}

void mirrorsum_emit(struct mirrorsum *s, uint64_t start_ms, uint64_t end_ms, mirrorsum_fn *fn,
		    void *ctx)
{
	s->fn = fn;
	s->ctx = ctx;
	edgetab_emit(s->edges, start_ms, end_ms, on_flow, s);
}

void mirrorsum_retell(struct mirrorsum *s)
{
	edgetab_retell(s->edges);
}

uint64_t mirrorsum_overflow(struct mirrorsum *s)
{
	return edgetab_overflow(s->edges);
}

unsigned mirrorsum_count(const struct mirrorsum *s)
{
	return edgetab_count(s->edges);
}
