/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/conn.h"

enum {
	NEAR = 1 << 26,	    /* sequence numbers of one connection lie within that */
	LATE_SYN = 1 << 16, /* how far data may be ahead of a SYN that was captured after it */
	LATE_NS = 1000000000,
	FITS_SURELY = 64,
};

const char *const conn_state_word[CONN_STATES] = {
	[CONN_MID] = "mid",
	[CONN_MID_RESET] = "mid_reset",
	[CONN_ESTABLISHED] = "established",
	[CONN_WAS_RESET] = "reset",
	[CONN_REFUSED] = "refused",
	[CONN_UNANSWERED] = "unanswered",
	[CONN_SYNACK_ONLY] = "synack_only",
	[CONN_HALF_OPEN] = "half_open",
};

void conn_begin(struct conn *c, const struct packet *p, unsigned from)
{
	*c = (struct conn){ .first_ns = p->time_ns,
			    .last_ns = p->time_ns,
			    .tag = p->tag,
			    .first = (uint8_t)from };
	c->end[from] = p->src;
	c->end[!from] = p->dst;
	c->port[from] = p->src_port;
	c->port[!from] = p->dst_port;
}

/* Copies */

static uint32_t print_of(const struct packet *p)
{
	uint64_t h = ((uint64_t)p->seq << 32 | p->ack) * 0x9e3779b97f4a7c15u;

	h ^= ((uint64_t)p->len << 32 | (uint32_t)p->flags << 24 | p->checksum) +
	     ((uint64_t)p->ip_id << 16);
	h *= 0xd6e8feb86659fd93u;
	return (uint32_t)(h >> 32) | 1; /* 0 is none */
}

/*
 * A copy has the same numbers, checksum and, in IPv4, identification; the TTL and all of the
 * link may differ.  One that was sent again has another identification or time stamp.
 */
static bool is_copy(struct conn_side *s, uint32_t print)
{
	for (int i = 0; i < CONN_PRINTS; i++)
		if (s->print[i] == print)
			return true;
	for (int i = CONN_PRINTS - 1; i > 0; i--)
		s->print[i] = s->print[i - 1];
	s->print[0] = print;
	return false;
}

/* Payload */

static uint32_t add_payload(struct conn_side *s, uint8_t *seen, struct holes *h, uint32_t from,
			    uint32_t len)
{
	uint32_t to = from + len, fresh = 0;

	if (!(*seen & SIDE_DATA)) { /* what was there before had no payload */
		s->base = s->next = from;
		*seen |= SIDE_SEQ | SIDE_DATA;
	}
	if ((int32_t)(to - s->base) <= 0)
		return 0;
	if ((int32_t)(from - s->base) < 0) {
		from = s->base;
		len = to - from;
	}
	if ((int32_t)(to - s->next) <= 0) {
		fresh = s->holes ? holes_fill(h, &s->holes, from, to) : 0;
	} else {
		if (from == s->next) {
			fresh = len;
		} else if ((int32_t)(from - s->next) > 0) {
			holes_add(h, &s->holes, s->next, from);
			fresh = len;
		} else {
			fresh = to - s->next;
			if (s->holes)
				fresh += holes_fill(h, &s->holes, from, s->next);
		}
		s->next = to;
	}
	s->bytes += fresh;
	s->again += len - fresh;
	return fresh;
}

/* Handshake */

static uint32_t since(const struct conn *c, const struct packet *p)
{
	uint64_t ns = p->time_ns > c->first_ns ? p->time_ns - c->first_ns : 0;
	uint64_t us = ns / 1000 + 1;

	return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void add_syn(struct conn *c, const struct packet *p, unsigned from)
{
	struct conn_side *s = &c->side[from];
	bool answers = p->flags & TCP_ACK;

	if (!(c->seen[from] & SIDE_DATA)) {
		s->base = s->next = p->seq + 1;
		c->seen[from] |= SIDE_SEQ | SIDE_DATA;
	}
	if (answers) {
		c->seen[from] |= SIDE_SYNACK;
		s->ack = p->ack;
		if (!c->opener)
			c->opener = (uint8_t)(!from + 1);
		if (!c->synack_us)
			c->synack_us = since(c, p);
		return;
	}
	c->seen[from] |= SIDE_SYN;
	if (!c->opener)
		c->opener = (uint8_t)(from + 1);
	if (!c->synack_us && c->opener == from + 1)
		c->syn_us = since(c, p); /* the last one is the one that was answered */
}

/* Established, as conn_state has it. */
static bool is_up(const struct conn *c)
{
	unsigned client = c->opener - 1u;

	if (!c->opener)
		return true;
	if (!(c->seen[client] & SIDE_SYN))
		return (c->seen[0] | c->seen[1]) & SIDE_SPOKE;
	if (conn_is_handshaken(c))
		return c->seen[client] & SIDE_SPOKE;
	return c->side[0].bytes || c->side[1].bytes;
}

static void add_ack(struct conn *c, const struct packet *p, unsigned from)
{
	struct conn_side *s = &c->side[from];

	if (!(c->seen[from] & (SIDE_SPOKE | SIDE_SYNACK)) || (int32_t)(p->ack - s->ack) > 0)
		s->ack = p->ack;
	if (!c->ack_us && c->synack_us && c->opener == from + 1)
		c->ack_us = since(c, p);
}

bool conn_add(struct conn *c, struct holes *h, const struct packet *p, unsigned from,
	      uint32_t *fresh)
{
	struct conn_side *s = &c->side[from];
	bool syn = p->flags & TCP_SYN;

	*fresh = 0;
	if (p->time_ns > c->last_ns)
		c->last_ns = p->time_ns;
	if (is_copy(s, print_of(p)))
		return false;
	s->packets++;
	if (p->flags & TCP_RST) {
		if (is_up(c))
			c->flags |= CONN_RESET;
		if (!c->seen[from]) /* what it refuses, if the SYN was captured after it */
			s->ack = p->ack;
		c->seen[from] |= SIDE_RST;
		return true;
	}
	if (syn)
		add_syn(c, p, from);
	else if (p->flags & TCP_ACK)
		add_ack(c, p, from);
	if (!syn && (p->flags & TCP_ACK || p->len))
		c->seen[from] |= SIDE_SPOKE;
	if (p->len)
		*fresh = add_payload(s, &c->seen[from], h, p->seq + syn, p->len);
	else if (!(c->seen[from] & SIDE_SEQ)) {
		s->base = s->next = p->seq;
		c->seen[from] |= SIDE_SEQ;
	}
	if (p->flags & TCP_FIN)
		c->seen[from] |= SIDE_FIN;
	return true;
}

/* Which connection */

static unsigned nearness(uint32_t a, uint32_t b)
{
	int32_t d = (int32_t)(a - b);
	uint32_t far = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

	if (far >= NEAR)
		return 0;
	return far ? (unsigned)__builtin_clz(far) : 32;
}

static bool follows(uint32_t later, uint32_t isn)
{
	return later - (isn + 1) < LATE_SYN;
}

/* A SYN that was captured after what came after it. */
static unsigned fits_late(const struct conn *c, const struct packet *p, unsigned from)
{
	const struct conn_side *s = &c->side[from], *o = &c->side[!from];

	if (p->time_ns > c->first_ns + LATE_NS)
		return 0;
	if (c->seen[from] & SIDE_SEQ)
		return follows(s->base, p->seq) ? FITS_SURELY : 0;
	/* A RST that refuses acknowledges the SYN; any other is of a connection before. */
	return c->seen[!from] && follows(o->ack, p->seq) ? FITS_SURELY : 0;
}

static unsigned fits_syn(const struct conn *c, const struct packet *p, unsigned from)
{
	if (c->seen[from] & (SIDE_SYN | SIDE_SYNACK))
		return c->side[from].base == p->seq + 1 ? FITS_SURELY : 0;
	if (c->seen[!from] & SIDE_SYN)
		return !(c->seen[from] & SIDE_SEQ) ? FITS_SURELY : 0; /* both open at once */
	return fits_late(c, p, from);
}

static unsigned fits_synack(const struct conn *c, const struct packet *p, unsigned from)
{
	if (c->seen[from] & (SIDE_SYN | SIDE_SYNACK))
		return c->side[from].base == p->seq + 1 ? FITS_SURELY : 0;
	if (c->seen[!from] & SIDE_SYN) /* or more than it, where the SYN had data */
		return p->ack - c->side[!from].base < LATE_SYN ? FITS_SURELY : 0;
	return fits_late(c, p, from);
}

unsigned conn_fits(const struct conn *c, const struct packet *p, unsigned from)
{
	unsigned fits = 0;

	if (p->flags & TCP_SYN)
		return p->flags & TCP_ACK ? fits_synack(c, p, from) : fits_syn(c, p, from);
	if (c->seen[from] & SIDE_SEQ && (p->seq || !(p->flags & TCP_RST)))
		fits = nearness(p->seq, c->side[from].next);
	else if (p->flags & TCP_ACK && c->seen[!from] & SIDE_SEQ)
		fits = nearness(p->ack, c->side[!from].next);
	if (!fits && p->len && conn_is_over(c))
		return 0;
	return fits + 1;
}

/* What became of it */

enum conn_state conn_state(const struct conn *c, unsigned client)
{
	uint8_t both = c->seen[0] | c->seen[1];

	if (!c->opener)
		return both & SIDE_RST ? CONN_MID_RESET : CONN_MID;
	if (is_up(c))
		return c->flags & CONN_RESET ? CONN_WAS_RESET : CONN_ESTABLISHED;
	if (!(c->seen[client] & SIDE_SYN))
		return CONN_SYNACK_ONLY;
	if (both & SIDE_SYNACK)
		return CONN_HALF_OPEN;
	if (c->seen[!client] & SIDE_RST)
		return CONN_REFUSED;
	return c->side[!client].packets ? CONN_HALF_OPEN : CONN_UNANSWERED;
}

uint64_t conn_unseen(const struct conn *c, const struct holes *h, unsigned from)
{
	const struct conn_side *s = &c->side[from];
	uint32_t acked = c->side[!from].ack;
	int32_t beyond;

	if (!(c->seen[from] & SIDE_SEQ) || !(c->seen[!from] & SIDE_SPOKE))
		return 0;
	beyond = (int32_t)(acked - s->next);
	if (beyond > NEAR || beyond < -NEAR)
		return 0; /* another connection's */
	if (beyond > 0)	  /* a FIN counts as one; where it was not seen nobody can tell */
		return holes_before(h, s->holes, acked) + (uint64_t)beyond - 1;
	return holes_before(h, s->holes, acked);
}
