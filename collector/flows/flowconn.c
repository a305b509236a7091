/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/flowconn.h"

enum { MANY = 4 }; /* peers, and times as many as the other end has: surely a service */

/* Taking records */

static void learn_flags(struct flowconn *c, int from, const struct flowrecord *r)
{
	if (!r->has_flags || c->proto != PROTO_TCP)
		return;
	c->has_flags = true;
	if ((r->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		c->client = from;
	else if (r->flags == (TCP_SYN | TCP_ACK) && r->packets == 1)
		c->client = !from;
}

static void learn_end(struct flowconn *c, int from, const struct foreign_flow *f)
{
	if (f->began == FOREIGN_END_SRC)
		c->client = from;
	else if (f->began == FOREIGN_END_DST)
		c->client = !from;
}

/* Of the way back, found by what it becomes, the addresses before are those of the other side.
 */
static void learn_nat(struct flowconn *c, int from, const struct foreign_flow *f)
{
	struct flowend src = { f->src, f->sport }, dst = { f->dst, f->dport };
	struct flowend nat_src = { f->nat_src, f->nat_sport };
	struct flowend nat_dst = { f->nat_dst, f->nat_dport };
	bool as_is = flowend_eq(&c->end[from], &src) && flowend_eq(&c->end[!from], &dst);

	if (!f->has_nat || c->has_nat)
		return;
	c->has_nat = true;
	c->nat_by = as_is ? from : !from;
	c->nat[from] = as_is ? nat_src : src;
	c->nat[!from] = as_is ? nat_dst : dst;
}

/* An exchange begins where it is told, or after a pause. */
static void count_begin(struct flowconn *c, const struct foreign_flow *f,
			const struct flowrecord *r, bool creates)
{
	uint64_t end =
		c->way[0].end_ms > c->way[1].end_ms ? c->way[0].end_ms : c->way[1].end_ms;
	bool first = !c->way[0].heard_ms && !c->way[1].heard_ms;
	bool pause = !c->goes_on && r->sampling == 1 && r->first_ms > end + FLOWCONN_PAUSE_MS;

	if (f->event == FOREIGN_CREATED)
		c->by_event = true;
	else if (creates && f->event != FOREIGN_TRAFFIC)
		return;
	else if (!first && !pause)
		return;
	c->begun++;
}

bool flowconn_add(struct flowconn *c, int from, const struct foreign_flow *f,
		  const struct flowrecord *r, bool creates)
{
	struct flowconn was = *c;
	bool v6 = !addr_is_v4(&c->end[0].addr);

	count_begin(c, f, r, creates);
	if (!flowway_add(&c->way[from], r, &c->way[!from], v6)) {
		*c = was;
		return false;
	}
	learn_flags(c, from, r);
	learn_end(c, from, f);
	learn_nat(c, from, f);
	c->goes_on = f->goes_on;
	if (r->sampling > 1 && r->sampling > c->sampling)
		c->sampling = r->sampling;
	return true;
}

bool flowconn_reopens(const struct flowconn *c, int from, const struct flowrecord *r)
{
	return c->proto == PROTO_TCP && flowway_reopens(&c->way[from], r);
}

/* Who is the client */

static struct fanin_end fanin_end(const struct flowconn *c, int i)
{
	return (struct fanin_end){ c->end[i].addr, c->end[i].port, c->proto };
}

/* The end with fewer peers; FACTOR times as many, at least, has the other. */
static int by_peers(const struct flowconn *c, const struct fanin *t, unsigned least,
		    unsigned factor)
{
	struct fanin_end a = fanin_end(c, 0), b = fanin_end(c, 1);
	unsigned na = fanin_peers(t, &a), nb = fanin_peers(t, &b);

	if (na >= least && na >= factor * nb && na > nb)
		return 1;
	if (nb >= least && nb >= factor * na && nb > na)
		return 0;
	return FLOWCONN_UNKNOWN;
}

static int by_listener(const struct flowconn *c, const struct listeners *l)
{
	bool a = listeners_has(l, &c->end[0].addr, c->end[0].port);
	bool b = listeners_has(l, &c->end[1].addr, c->end[1].port);

	return a == b ? FLOWCONN_UNKNOWN : a;
}

/* Whoever was heard first began; where both ways were told from their begin. */
static int by_time(const struct flowconn *c)
{
	const struct flowway *a = &c->way[0], *b = &c->way[1];

	if (!a->heard_ms || !b->heard_ms || a->begin_ms == b->begin_ms)
		return FLOWCONN_UNKNOWN;
	if (c->has_flags && !(a->flags & b->flags & TCP_SYN))
		return FLOWCONN_UNKNOWN;
	return a->begin_ms > b->begin_ms;
}

static int by_ports(const struct flowconn *c)
{
	int which = port_rule(c->end[0].port, c->end[1].port);

	return which ? which < 0 : FLOWCONN_UNKNOWN;
}

/* The lower port serves, of equal ports the lower address. */
static int by_order(const struct flowconn *c)
{
	if (c->end[0].port != c->end[1].port)
		return c->end[0].port < c->end[1].port;
	return addr_cmp(&c->end[0].addr, &c->end[1].addr) < 0;
}

static int first_known(const int *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] != FLOWCONN_UNKNOWN)
			return list[i];
	return FLOWCONN_UNKNOWN;
}

/* One socket may ask many servers over UDP, so there the port says more than the peers. */
int flowconn_client(const struct flowconn *c, const struct flowsigns *s)
{
	const int tcp[] = { c->client,
			    by_listener(c, s->listeners),
			    by_peers(c, s->fanin, MANY, MANY),
			    by_time(c),
			    by_ports(c),
			    by_peers(c, s->fanin, 2, 1),
			    by_order(c) };
	const int other[] = { c->client, by_ports(c), by_time(c),
			      by_peers(c, s->fanin, MANY, MANY), by_order(c) };

	return c->proto == PROTO_TCP ? first_known(tcp, sizeof(tcp) / sizeof(*tcp))
				     : first_known(other, sizeof(other) / sizeof(*other));
}

/* What became of it */

static bool spoke(const struct flowway *w)
{
	return w->heard_ms != 0;
}

/* As the mirror judges: docs/design.md. */
static void judge_tcp(const struct flowconn *c, int client, struct counters *out)
{
	const struct flowway *up = &c->way[client], *down = &c->way[!client];
	bool v6 = !addr_is_v4(&c->end[0].addr), answered = down->flags & TCP_SYN;
	bool went_on = spoke(up) ? up->flags & TCP_ACK : down->flags & (TCP_PSH | TCP_FIN);

	out->opens = 1;
	if (went_on)
		out->resets = (up->flags | down->flags) & TCP_RST &&
			      !flowway_payload(up, true, v6, c->bare) &&
			      !flowway_payload(down, true, v6, c->bare);
	else if (!answered && (down->flags & TCP_RST || (spoke(down) && !down->flags)))
		out->refused = 1;
	else if (!answered)
		out->timeouts = spoke(up);
	else
		*out = (struct counters){ .abandoned = 1 };
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void count_openings(struct flowconn *c, int client, struct counters *out)
{
	uint64_t all = larger(c->way[0].openings, c->way[1].openings);

	if (c->proto != PROTO_TCP || !c->has_flags || c->by_event) {
		out->opens = c->begun - c->told_begun;
	} else if (c->sampling) {
		out->opens = c->way[client].news.syns; /* the server's is of the same */
	} else {
		out->opens = all - c->told_openings;
		if (out->opens == 1)
			judge_tcp(c, client, out);
	}
	c->told_openings = all;
	c->told_begun = c->begun;
}

static void put_ends(const struct flowconn *c, int client, struct flowconn_news *out)
{
	const struct flowend *plain = c->end, *nat = c->has_nat ? c->nat : c->end;
	bool by_client = c->nat_by == client;

	out->client = by_client ? plain[client] : nat[client];
	out->seen = by_client ? plain[!client] : nat[!client];
	out->server = by_client ? nat[!client] : plain[!client];
}

static void put_times(const struct flowconn *c, struct flowconn_news *out)
{
	const struct flowway_news *a = &c->way[0].news, *b = &c->way[1].news;

	out->from_ms =
		!b->to_ms || (a->to_ms && a->from_ms < b->from_ms) ? a->from_ms : b->from_ms;
	out->to_ms = larger(a->to_ms, b->to_ms);
}

bool flowconn_tell(struct flowconn *c, const struct flowsigns *signs,
		   struct flowconn_news *out)
{
	bool tcp = c->proto == PROTO_TCP, v6 = !addr_is_v4(&c->end[0].addr);
	int client = flowconn_client(c, signs);
	const struct flowend *server = &c->end[!client];

	*out = (struct flowconn_news){ 0 };
	if (!c->way[0].news.to_ms && !c->way[1].news.to_ms)
		return false;
	c->bare |= c->way[0].news.bare || c->way[1].news.bare;
	if (tcp && c->client == client && c->way[!client].flags & TCP_SYN)
		listeners_learn(signs->listeners, &server->addr, server->port);
	put_times(c, out);
	put_ends(c, client, out);
	count_openings(c, client, &out->c);
	out->to_server = flowway_payload(&c->way[client], tcp, v6, c->bare);
	out->to_client = flowway_payload(&c->way[!client], tcp, v6, c->bare);
	flowway_told(&c->way[0]);
	flowway_told(&c->way[1]);
	return true;
}
