/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/conntab.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/mem.h"
#include "sensor/edgesum.h"
#include "sensor/listentab.h"

enum {
	MISSED = 2, /* intervals after which what no snapshot has is taken to have ended */
};

#define PATIENCE_NS 10000000000u /* how long an opening waits for its owner */

/* The snapshots of one namespace. */
struct look {
	uint32_t netns;
	uint32_t pass, told_pass; /* the last one, and the last one that was told of */
	unsigned conns;
	bool gone; /* there are no more */
	UT_hash_handle hh;
};

struct conn_id {
	uint64_t cookie;
	uint64_t netns;
};

struct conn {
	struct conn_id id;
	struct look *look;
	struct edge_key key;
	uint64_t tx_base, rx_base; /* transferred before the watch began */
	uint64_t tx, rx;	   /* since then, as last seen */
	uint64_t start_ns;
	uint32_t inode;
	uint32_t pass;	   /* the last one that has seen it */
	uint32_t attempts; /* as last seen while it was connecting */
	unsigned missed;   /* intervals */
	uint16_t client_port;
	uint8_t state;	 /* as last seen */
	bool up, opened; /* is established; counted as such, or open before */
	bool done;	 /* no longer there, and its end has been counted */
	bool waits;	 /* is in the list of those without an owner; DONE in the dead */
	struct conn *prev, *next;
	UT_hash_handle hh;
};

/* A notice whose direction is not known before the next look at the listeners. */
struct held {
	struct diag d;
	uint64_t now_ns;
	uint32_t netns;
	struct held *next;
};

struct conntab {
	struct conn *conns, *unowned, *dead;
	struct look *looks;
	struct listentab listeners;
	struct edgesum *edges;
	struct held *held;
	unsigned held_n, max_sockets;
	uint64_t now_ns;
	bool seeded;
	uint64_t guessed;
	uint64_t drops[DROP_COUNT];
};

struct conntab *conntab_new(const struct probe_config *config)
{
	struct conntab *t = xcalloc(1, sizeof(*t));

	t->edges = edgesum_new(config->max_edges);
	t->max_sockets = config->max_sockets;
	return t;
}

static void forget(struct conntab *t, struct conn *c)
{
	if (c->waits)
		DL_DELETE(t->unowned, c);
	if (c->done)
		DL_DELETE(t->dead, c);
	HASH_DEL(t->conns, c);
	c->look->conns--;
	free(c);
}

static struct look *look_at(const struct conntab *t, uint32_t netns)
{
	struct look *k;

	HASH_FIND(hh, t->looks, &netns, sizeof(netns), k);
	return k;
}

/* All of those that are left behind, or only of those that nothing refers to. */
static void forget_looks(struct conntab *t, bool all)
{
	struct look *k, *next;

	HASH_ITER (hh, t->looks, k, next) {
		k->told_pass = k->pass;
		if (!all && (!k->gone || k->conns))
			continue;
		HASH_DEL(t->looks, k);
		free(k);
	}
}

static bool was_in_last(const struct conn *c)
{
	return c->pass == c->look->pass && !c->look->gone;
}

static bool listens_still(const struct conntab *t, const struct waiter *l)
{
	struct look *k = look_at(t, l->key.netns);

	return k && !k->gone && l->pass == k->pass;
}

void conntab_free(struct conntab *t)
{
	struct conn *c, *c_next;
	struct held *h;

	if (!t)
		return;
	HASH_ITER (hh, t->conns, c, c_next)
		forget(t, c);
	forget_looks(t, true);
	listentab_fini(&t->listeners);
	while ((h = t->held)) {
		t->held = h->next;
		free(h);
	}
	edgesum_free(t->edges);
	free(t);
}

static void own_by_listener(struct conntab *t, struct conn *c)
{
	struct waiter *l;

	if (c->key.tgid || c->key.dir != EDGE_SERVER)
		return;
	l = listentab_find(&t->listeners, c->key.netns, c->key.local, c->key.port);
	if (!l)
		return;
	c->key.tgid = l->val.tgid;
	c->key.born = l->val.born;
}

static void count_open(struct conntab *t, struct conn *c, uint64_t now_ns)
{
	if (c->opened)
		return;
	c->opened = true;
	own_by_listener(t, c);
	edgesum_open(t->edges, &c->key, c->client_port, c->start_ns, now_ns);
}

static struct conn *conn_at(struct conntab *t, uint32_t netns, uint64_t cookie)
{
	struct conn_id id = { .cookie = cookie, .netns = netns };
	struct conn *c;

	HASH_FIND(hh, t->conns, &id, sizeof(id), c);
	return c;
}

static enum edge_dir direction(struct conntab *t, uint32_t netns, const struct diag *d)
{
	enum edge_dir dir = diag_direction(d);

	if (dir != EDGE_UNKNOWN)
		return dir;
	if (listentab_find(&t->listeners, netns, d->local, d->local_port))
		return EDGE_SERVER;
	if (!diag_is_wiped(d) &&
	    listentab_find(&t->listeners, netns, d->remote, d->remote_port))
		return EDGE_CLIENT;
	return EDGE_UNKNOWN;
}

/* Nobody listens or listened here since the watch began: then it is a client's. */
static enum edge_dir guess(struct conntab *t, const struct diag *d)
{
	if (t->seeded)
		return EDGE_CLIENT;
	t->guessed++;
	return d->local_port < d->remote_port ? EDGE_SERVER : EDGE_CLIENT;
}

static void fill_key(struct conn *c, uint32_t netns, const struct diag *d, enum edge_dir dir)
{
	bool server = dir == EDGE_SERVER;

	c->id = (struct conn_id){ .cookie = d->cookie, .netns = netns };
	c->key.netns = netns;
	c->key.dir = (uint8_t)dir;
	c->key.port = server ? d->local_port : d->remote_port;
	c->client_port = server ? d->remote_port : d->local_port;
	memcpy(c->key.local, d->local, 16);
	memcpy(c->key.remote, d->remote, 16);
}

/* Makes room by forgetting one whose end has been counted. */
static bool make_room(struct conntab *t)
{
	if (HASH_COUNT(t->conns) < t->max_sockets)
		return true;
	if (t->dead) {
		forget(t, t->dead);
		return true;
	}
	t->drops[DROP_SOCKET_FULL]++;
	return false;
}

static struct conn *add(struct conntab *t, uint32_t netns, const struct diag *d)
{
	enum edge_dir dir = direction(t, netns, d);
	struct conn *c;

	if (!make_room(t))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	fill_key(c, netns, d, dir ? dir : guess(t, d));
	c->start_ns = t->now_ns;
	c->look = look_at(t, netns);
	c->look->conns++;
	if (!t->seeded && d->state != DIAG_SYN_SENT) {
		c->opened = true;
		diag_payload(d, c->key.dir, 0, &c->tx_base, &c->rx_base);
	}
	c->waits = true;
	DL_APPEND(t->unowned, c);
	HASH_ADD(hh, t->conns, id, sizeof(c->id), c);
	return c;
}

/* Totals never go back, whatever the last byte was taken for. */
static void take_bytes(struct conn *c, const struct diag *d)
{
	uint64_t tx, rx;

	if (!d->has_info || diag_is_wiped(d))
		return;
	diag_payload(d, c->key.dir, c->state, &tx, &rx);
	tx = tx > c->tx_base ? tx - c->tx_base : 0;
	rx = rx > c->rx_base ? rx - c->rx_base : 0;
	c->tx = tx > c->tx ? tx : c->tx;
	c->rx = rx > c->rx ? rx : c->rx;
}

void conntab_seen(struct conntab *t, uint32_t netns, const struct diag *d)
{
	struct conn *c = conn_at(t, netns, d->cookie);

	if (!c)
		c = add(t, netns, d);
	if (!c || c->done)
		return;
	if (d->state == DIAG_SYN_SENT)
		c->attempts = d->attempts;
	else
		c->up = true;
	memcpy(c->key.local, d->local, 16); /* a connecting one may have had none */
	if (c->key.dir == EDGE_CLIENT)
		c->client_port = d->local_port;
	take_bytes(c, d);
	c->state = d->state;
	c->inode = d->inode;
	c->pass = c->look->pass;
	if (c->up && c->key.tgid)
		count_open(t, c, t->now_ns);
}

void conntab_listener(struct conntab *t, uint32_t netns, const struct diag *d)
{
	listentab_seen(&t->listeners, netns, d, look_at(t, netns)->pass, t->now_ns);
}

/* Ends */

static void end_failure(struct conntab *t, struct conn *c, const struct diag *d,
			uint64_t now_ns)
{
	struct diag last = *d;

	if (!last.attempts)
		last.attempts = c->attempts;
	edgesum_failure(t->edges, &c->key, diag_fate(&last), now_ns);
}

static void end_connection(struct conntab *t, struct conn *c, const struct diag *d,
			   uint64_t now_ns)
{
	uint64_t tx = c->done ? c->tx : 0, rx = c->done ? c->rx : 0;

	count_open(t, c, now_ns);
	own_by_listener(t, c);
	take_bytes(c, d);
	edgesum_bytes(t->edges, &c->key, c->tx - tx, c->rx - rx, now_ns);
	if (!c->done)
		edgesum_close(t->edges, &c->key, d, now_ns);
}

static void end_known(struct conntab *t, struct conn *c, const struct diag *d, uint64_t now_ns)
{
	if (!c->up && diag_never_up(d))
		end_failure(t, c, d, now_ns);
	else
		end_connection(t, c, d, now_ns);
	forget(t, c);
}

static void end_unseen(struct conntab *t, uint32_t netns, const struct diag *d,
		       enum edge_dir dir, uint64_t now_ns)
{
	struct conn c = { .start_ns = now_ns, .state = 0 };

	fill_key(&c, netns, d, dir);
	if (dir == EDGE_CLIENT && diag_never_up(d))
		end_failure(t, &c, d, now_ns);
	else
		end_connection(t, &c, d, now_ns);
}

static bool is_any(const uint8_t a[16])
{
	static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff }, any6[16];

	return memcmp(a, any6, 16) == 0 || memcmp(a, any4, 16) == 0;
}

/* Of one that the program took back itself enough is left if it was a server's. */
static void end_wiped(struct conntab *t, uint32_t netns, const struct diag *d, uint64_t now_ns)
{
	if (listentab_find(&t->listeners, netns, d->local, d->local_port))
		end_unseen(t, netns, d, EDGE_SERVER, now_ns);
	else
		t->drops[DROP_FAILURE]++;
}

static void hold(struct conntab *t, uint32_t netns, const struct diag *d, uint64_t now_ns)
{
	struct held *h;

	if (t->held_n >= t->max_sockets) {
		end_unseen(t, netns, d, guess(t, d), now_ns);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->d = *d;
	h->netns = netns;
	h->now_ns = now_ns;
	LL_PREPEND(t->held, h);
	t->held_n++;
}

/* A socket that was never connected and had a port was a listener. */
static void end_unconnected(struct conntab *t, uint32_t netns, const struct diag *d,
			    uint64_t now_ns)
{
	if (d->local_port)
		listentab_ended(&t->listeners, netns, d, now_ns);
}

static void end_or_hold(struct conntab *t, uint32_t netns, const struct diag *d,
			uint64_t now_ns)
{
	enum edge_dir dir = direction(t, netns, d);
	bool listens = listentab_find(&t->listeners, netns, d->local, d->local_port);

	if (dir == EDGE_CLIENT)
		end_unseen(t, netns, d, dir, now_ns);
	else if (!listens)
		hold(t, netns, d, now_ns);
	else if (diag_is_wiped(d))
		end_wiped(t, netns, d, now_ns);
	else
		end_unseen(t, netns, d, EDGE_SERVER, now_ns);
}

void conntab_ended(struct conntab *t, uint32_t netns, const struct diag *d, uint64_t now_ns)
{
	struct conn *c = conn_at(t, netns, d->cookie);

	if (c) {
		end_known(t, c, d, now_ns);
		return;
	}
	if (!t->seeded)
		return; /* came and went before the watch began */
	if (!d->has_info)
		return;
	if (diag_is_wiped(d) && is_any(d->remote))
		end_unconnected(t, netns, d, now_ns);
	else if (diag_is_wiped(d) && diag_never_up(d))
		t->drops[DROP_FAILURE]++;
	else
		end_or_hold(t, netns, d, now_ns);
}

static void settle(struct conntab *t, const struct held *h)
{
	enum edge_dir dir;

	if (diag_is_wiped(&h->d)) {
		end_wiped(t, h->netns, &h->d, h->now_ns);
		return;
	}
	dir = direction(t, h->netns, &h->d);
	end_unseen(t, h->netns, &h->d, dir ? dir : guess(t, &h->d), h->now_ns);
}

static void settle_held(struct conntab *t)
{
	struct held *h;

	while ((h = t->held)) {
		t->held = h->next;
		settle(t, h);
		free(h);
	}
	t->held_n = 0;
}

/* Owners */

void conntab_pass(struct conntab *t, uint32_t netns, uint64_t now_ns)
{
	struct look *k = look_at(t, netns);

	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->netns = netns;
		HASH_ADD(hh, t->looks, netns, sizeof(k->netns), k);
	}
	k->pass++;
	k->gone = false;
	t->now_ns = now_ns;
}

void conntab_leave(struct conntab *t, uint32_t netns)
{
	struct look *k = look_at(t, netns);

	if (k)
		k->gone = true;
}

void conntab_seeded(struct conntab *t)
{
	t->seeded = true;
}

unsigned conntab_wanted(struct conntab *t, void (*fn)(void *ctx, uint32_t inode), void *ctx)
{
	struct waiter *l;
	struct conn *c;
	unsigned n = 0;

	for (l = t->listeners.all; l; l = l->hh.next) {
		if (l->val.tgid || !l->inode || !listens_still(t, l))
			continue;
		fn(ctx, l->inode);
		n++;
	}
	for (c = t->unowned; c; c = c->next) {
		if (!c->inode || !was_in_last(c))
			continue;
		fn(ctx, c->inode);
		n++;
	}
	return n;
}

/* A super-server, or a parent that forks for each connection, still has it: the other one. */
static void take_holder(struct conntab *t, struct conn *c, const struct holders *h)
{
	struct waiter *l = NULL;
	unsigned i = 0;

	if (c->key.dir == EDGE_SERVER)
		l = listentab_find(&t->listeners, c->key.netns, c->key.local, c->key.port);
	if (l && h->n > 1 && h->who[0].tgid == l->val.tgid)
		i = 1;
	c->key.tgid = h->who[i].tgid;
	c->key.born = h->who[i].born;
}

static void own_listeners(struct conntab *t,
			  bool (*find)(void *ctx, uint32_t inode, struct holders *out),
			  void *ctx)
{
	struct holders h;
	unsigned i;

	for (struct waiter *l = t->listeners.all; l; l = l->hh.next) {
		if (l->val.tgid || !l->inode || !find(ctx, l->inode, &h))
			continue;
		i = h.n > 1 && h.who[0].tgid == 1; /* init only hands it over */
		l->val.tgid = h.who[i].tgid;
		l->val.born = h.who[i].born;
	}
}

void conntab_own(struct conntab *t,
		 bool (*find)(void *ctx, uint32_t inode, struct holders *out), void *ctx)
{
	struct conn *c, *next;
	struct holders h;

	own_listeners(t, find, ctx);
	settle_held(t);
	for (c = t->unowned; c; c = next) {
		next = c->next;
		if (c->inode && find(ctx, c->inode, &h))
			take_holder(t, c, &h);
		if (c->up && (c->key.tgid || t->now_ns - c->start_ns > PATIENCE_NS))
			count_open(t, c, t->now_ns);
		if (!c->key.tgid)
			continue;
		DL_DELETE(t->unowned, c);
		c->waits = false;
	}
}

/* Telling */

/* No longer open, and no notice: the program still has the socket, or the notice was lost. */
static void take_for_ended(struct conntab *t, struct conn *c)
{
	bool looked = c->look->gone || c->look->pass != c->look->told_pass;

	if (!c->up || !looked || ++c->missed < MISSED)
		return;
	count_open(t, c, t->now_ns);
	edgesum_bytes(t->edges, &c->key, c->tx, c->rx, t->now_ns);
	edgesum_close(t->edges, &c->key, NULL, t->now_ns);
	if (c->waits)
		DL_DELETE(t->unowned, c);
	c->waits = false;
	c->done = true;
	DL_APPEND(t->dead, c);
}

static void tell_connection(const struct conn *c, const struct probe_sink *sink)
{
	struct live_record r = { .key = c->key,
				 .tx = c->tx,
				 .rx = c->rx,
				 .pending = !c->up,
				 .start_ms = (uint32_t)(c->start_ns / 1000000),
				 .client_port = c->client_port };

	sink->live(sink->ctx, &r);
}

static void tell_connections(struct conntab *t, const struct probe_sink *sink)
{
	for (struct conn *c = t->conns; c; c = c->hh.next) {
		if (c->done)
			continue;
		if (!was_in_last(c)) {
			take_for_ended(t, c);
			continue;
		}
		c->missed = 0;
		if (c->opened || (!c->up && c->key.tgid))
			tell_connection(c, sink);
	}
}

void conntab_tell(struct conntab *t, const struct probe_sink *sink)
{
	tell_connections(t, sink);
	edgesum_tell(t->edges, sink);
	for (struct waiter *l = t->listeners.all; l; l = l->hh.next)
		if (listens_still(t, l))
			sink->listener(sink->ctx, &l->key, &l->val);
	listentab_tidy(&t->listeners, t->now_ns);
	forget_looks(t, false);
}

void conntab_drops(struct conntab *t, uint64_t drops[DROP_COUNT])
{
	for (int i = 0; i < DROP_COUNT; i++)
		drops[i] += t->drops[i];
	memset(t->drops, 0, sizeof(t->drops));
	drops[DROP_EDGE_FULL] += edgesum_dropped(t->edges);
	drops[DROP_LISTENER_FULL] += t->listeners.dropped;
	t->listeners.dropped = 0;
}

uint64_t conntab_guessed(const struct conntab *t)
{
	return t->guessed;
}

unsigned conntab_count(const struct conntab *t)
{
	return HASH_COUNT(t->conns);
}
