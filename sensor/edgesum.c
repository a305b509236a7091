/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/edgesum.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

struct sum {
	struct edge_key key;
	struct edge_val val;
	UT_hash_handle hh;
};

struct edgesum {
	struct sum *all;
	unsigned cap;
	uint64_t dropped;
};

struct edgesum *edgesum_new(unsigned cap)
{
	struct edgesum *s = xcalloc(1, sizeof(*s));

	s->cap = cap;
	return s;
}

static void forget(struct edgesum *s)
{
	struct sum *e, *next;

	HASH_ITER (hh, s->all, e, next) {
		HASH_DEL(s->all, e);
		free(e);
	}
}

void edgesum_free(struct edgesum *s)
{
	if (!s)
		return;
	forget(s);
	free(s);
}

static struct edge_val *at(struct edgesum *s, const struct edge_key *key, uint64_t now_ns)
{
	struct sum *e;

	HASH_FIND(hh, s->all, key, sizeof(*key), e);
	if (!e) {
		if (HASH_COUNT(s->all) >= s->cap) {
			s->dropped++;
			return NULL;
		}
		e = xcalloc(1, sizeof(*e));
		e->key = *key;
		e->val.first_ns = now_ns;
		HASH_ADD(hh, s->all, key, sizeof(e->key), e);
	}
	e->val.last_ns = now_ns;
	return &e->val;
}

/* As in bpf/conn.bpf.c: the lowest ranks are kept. */
static void keep_sample(struct edge_val *val, uint16_t port, uint64_t start_ns)
{
	struct edge_sample s = { .start_ms = (uint32_t)(start_ns / 1000000),
				 .port = port,
				 .used = 1 };

	for (int i = 0; i < EDGE_SAMPLES; i++) {
		struct edge_sample was = val->sample[i];

		if (was.used &&
		    (was.port == s.port || edge_rank(was.port) < edge_rank(s.port)))
			continue;
		val->sample[i] = s;
		if (!was.used)
			return;
		s = was;
	}
}

void edgesum_open(struct edgesum *s, const struct edge_key *key, uint16_t client_port,
		  uint64_t start_ns, uint64_t now_ns)
{
	struct edge_val *val = at(s, key, now_ns);

	if (!val)
		return;
	val->opens++;
	keep_sample(val, client_port, start_ns);
}

void edgesum_failure(struct edgesum *s, const struct edge_key *key, enum diag_fate fate,
		     uint64_t now_ns)
{
	struct edge_val *val = at(s, key, now_ns);

	if (!val)
		return;
	if (fate == FATE_ABANDONED) {
		val->abandoned++;
		return;
	}
	val->opens++;
	if (fate == FATE_REFUSED)
		val->refused++;
	else if (fate == FATE_UNREACHABLE)
		val->unreachable++;
	else
		val->timeouts++;
}

void edgesum_bytes(struct edgesum *s, const struct edge_key *key, uint64_t tx, uint64_t rx,
		   uint64_t now_ns)
{
	struct edge_val *val = at(s, key, now_ns);

	if (!val)
		return;
	val->tx += tx;
	val->rx += rx;
}

void edgesum_close(struct edgesum *s, const struct edge_key *key, const struct diag *d,
		   uint64_t now_ns)
{
	struct edge_val *val = at(s, key, now_ns);

	if (!val)
		return;
	val->closes++;
	if (!d)
		return;
	val->retransmits += d->retransmits;
	if (d->rtt_us) {
		val->rtt_sum_us += d->rtt_us;
		val->rtt_n++;
	}
	if (diag_was_reset(d, (enum edge_dir)key->dir))
		val->resets++;
}

void edgesum_tell(struct edgesum *s, const struct probe_sink *sink)
{
	for (struct sum *e = s->all; e; e = e->hh.next)
		sink->closed(sink->ctx, &e->key, &e->val);
	forget(s);
}

uint64_t edgesum_dropped(struct edgesum *s)
{
	uint64_t n = s->dropped;

	s->dropped = 0;
	return n;
}
