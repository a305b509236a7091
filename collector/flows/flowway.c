/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/flowway.h"

#include <string.h>

enum {
	TRY_AGAIN_MS = 130000, /* Linux and others try for some two minutes */
	V4_HEAD = 20,
	V6_HEAD = 40,
	TCP_HEAD = 20,
	UDP_HEAD = 8,
	STAMPS = 12,	 /* TCP's timestamps with their padding, in every packet but RST */
	SYN_STAMPED = 8, /* what a SYN has besides: MSS, SACK, window scale */
	SYN_BARE = 12,	 /* the same, padded, without timestamps */
	NEVER_MORE = 20, /* options of a packet that only opens or acknowledges */
};

uint64_t flowway_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) || sum > FLOWWAY_MOST ? FLOWWAY_MOST : sum;
}

static uint64_t scaled(uint64_t n, uint32_t by)
{
	uint64_t product;

	return __builtin_mul_overflow(n, (uint64_t)by, &product) ? FLOWWAY_MOST
								 : flowway_sum(product, 0);
}

static bool same_lane(const struct flowlane *a, const struct flowlane *b)
{
	return a->domain == b->domain && a->in_if == b->in_if && a->out_if == b->out_if &&
	       a->way == b->way;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The same amounts at the same time: a datagram that came twice, or both ends of a router. */
static bool is_twin(const struct flowway *w, const struct flowrecord *r)
{
	return r->timed && r->packets && r->packets == w->packets && r->bytes == w->bytes &&
	       apart(r->first_ms, w->first_ms) <= FLOWWAY_SLACK_MS &&
	       apart(r->last_ms, w->end_ms) <= FLOWWAY_SLACK_MS;
}

static bool is_copy(const struct flowway *w, const struct flowrecord *r)
{
	if (!w->heard_ms)
		return false;
	if (same_lane(&w->lane, &r->lane))
		return is_twin(w, r);
	if (!r->timed)
		return r->received_ms < w->heard_ms + FLOWWAY_QUIET_MS;
	return r->first_ms <= w->end_ms + FLOWWAY_SLACK_MS;
}

/* A SYN after a SYN that nobody has answered: the same attempt. */
static bool tries_again(const struct flowway *w, const struct flowrecord *r,
			const struct flowway *back)
{
	return r->sampling == 1 && r->flags == TCP_SYN && w->flags == TCP_SYN &&
	       back->heard_ms <= w->heard_ms && !(back->flags & TCP_SYN) &&
	       r->first_ms < w->end_ms + TRY_AGAIN_MS;
}

static void open_again(struct flowway *w, const struct flowrecord *r,
		       const struct flowway *back)
{
	if (!(r->flags & TCP_SYN) || tries_again(w, r, back)) {
		w->flags |= r->flags;
		return;
	}
	w->flags = r->flags;
	w->begin_ms = r->first_ms;
	w->openings++;
}

static uint64_t overhead(const struct flowway_news *n, bool v6, bool bare)
{
	uint64_t head = (v6 ? V6_HEAD : V4_HEAD) + TCP_HEAD + (bare ? 0 : STAMPS);
	uint64_t most = n->packets * head + n->syns * (bare ? SYN_BARE : SYN_STAMPED);

	return most - (bare ? 0 : n->resets * STAMPS);
}

static void add_news(struct flowway *w, const struct flowrecord *r, bool v6)
{
	struct flowway_news one = { .bytes = r->payload ? 0 : r->bytes,
				    .packets = r->payload ? 0 : r->packets };
	struct flowway_news *n = &w->news;

	one.syns = one.packets && r->flags & TCP_SYN;
	one.resets = one.packets && r->flags & TCP_RST;
	if (one.packets && one.packets < UINT32_MAX)
		n->bare |= one.bytes < overhead(&one, v6, false);
	if (!n->to_ms || r->first_ms < n->from_ms)
		n->from_ms = r->first_ms;
	if (r->last_ms > n->to_ms)
		n->to_ms = r->last_ms;
	n->bytes = flowway_sum(n->bytes, scaled(one.bytes, r->sampling));
	n->packets = flowway_sum(n->packets, scaled(one.packets, r->sampling));
	n->payload = flowway_sum(n->payload, r->payload ? scaled(r->bytes, r->sampling) : 0);
	n->syns = flowway_sum(n->syns, one.syns * r->sampling);
	n->resets = flowway_sum(n->resets, one.resets * r->sampling);
}

bool flowway_add(struct flowway *w, const struct flowrecord *r, const struct flowway *back,
		 bool v6)
{
	if (is_copy(w, r))
		return false;
	if (!w->heard_ms)
		w->begin_ms = r->first_ms;
	open_again(w, r, back);
	add_news(w, r, v6);
	w->lane = r->lane;
	w->first_ms = r->first_ms;
	w->bytes = r->bytes;
	w->packets = r->packets;
	if (r->last_ms > w->end_ms)
		w->end_ms = r->last_ms;
	if (r->received_ms > w->heard_ms)
		w->heard_ms = r->received_ms;
	return true;
}

bool flowway_reopens(const struct flowway *w, const struct flowrecord *r)
{
	return r->sampling == 1 && r->flags & TCP_SYN && w->news.syns &&
	       r->first_ms > w->end_ms && w->flags != TCP_SYN;
}

uint64_t flowway_payload(const struct flowway *w, bool tcp, bool v6, bool bare)
{
	const struct flowway_news *n = &w->news;
	uint64_t ip = v6 ? V6_HEAD : V4_HEAD, heads;

	if (n->packets > FLOWWAY_MOST >> 7) /* absurd, and would not multiply */
		return n->payload;
	if (!tcp)
		heads = n->packets * (ip + UDP_HEAD);
	else if (!(w->flags & TCP_PSH) &&
		 n->bytes <= n->packets * (ip + TCP_HEAD + NEVER_MORE))
		heads = n->bytes; /* SYNs that were sent again, acknowledgements with SACK */
	else
		heads = overhead(n, v6, bare);
	return flowway_sum(n->payload, n->bytes > heads ? n->bytes - heads : 0);
}

void flowway_told(struct flowway *w)
{
	memset(&w->news, 0, sizeof(w->news));
}
