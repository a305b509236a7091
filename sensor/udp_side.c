/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/udp_side.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/fact.h"
#include "common/mem.h"

enum { KEPT_TICKS = 8640 }; /* a day of intervals of 10 s */

/* No process: whoever takes over a port takes over its side. */
struct pair {
	uint32_t netns;
	uint16_t local_port, remote_port;
	uint8_t local[16], remote[16];
};

struct decided {
	struct pair pair;
	enum edge_dir dir;
	unsigned asked; /* tick */
	UT_hash_handle hh;
};

struct udp_sides {
	struct decided *all;
	unsigned now;
};

struct udp_sides *udp_sides_new(void)
{
	return xcalloc(1, sizeof(struct udp_sides));
}

static void forget(struct udp_sides *t, unsigned before)
{
	struct decided *d, *next;

	HASH_ITER (hh, t->all, d, next) {
		if (d->asked >= before)
			continue;
		HASH_DEL(t->all, d);
		free(d);
	}
}

void udp_sides_free(struct udp_sides *t)
{
	if (!t)
		return;
	forget(t, UINT32_MAX);
	free(t);
}

void udp_sides_tick(struct udp_sides *t)
{
	t->now++;
	if (t->now % (KEPT_TICKS / 16) == 0 && t->now > KEPT_TICKS)
		forget(t, t->now - KEPT_TICKS);
}

/* What both ends know: ports, then addresses. */
static enum edge_dir by_place(const struct udp_key *k)
{
	if (k->local_port != k->remote_port)
		return k->local_port < k->remote_port ? EDGE_SERVER : EDGE_CLIENT;
	return memcmp(k->local, k->remote, 16) <= 0 ? EDGE_SERVER : EDGE_CLIENT;
}

static enum edge_dir by_deeds(const struct udp_key *k, const struct udp_val *v)
{
	if (v->we_began != v->they_began)
		return v->we_began > v->they_began ? EDGE_CLIENT : EDGE_SERVER;
	if (!v->sent != !v->received)
		return v->sent ? EDGE_CLIENT : EDGE_SERVER;
	return by_place(k);
}

static enum edge_dir decide(struct udp_sides *t, const struct udp_key *k,
			    const struct udp_val *v)
{
	struct pair pair;
	struct decided *d;

	memset(&pair, 0, sizeof(pair));
	pair.netns = k->netns;
	pair.local_port = k->local_port;
	pair.remote_port = k->remote_port;
	memcpy(pair.local, k->local, 16);
	memcpy(pair.remote, k->remote, 16);
	HASH_FIND(hh, t->all, &pair, sizeof(pair), d);
	if (!d) {
		if (HASH_COUNT(t->all) >= UDP_SIDES)
			return by_place(k);
		d = xcalloc(1, sizeof(*d));
		d->pair = pair;
		d->dir = by_deeds(k, v);
		HASH_ADD(hh, t->all, pair, sizeof(d->pair), d);
	}
	d->asked = t->now;
	return d->dir;
}

enum edge_dir udp_side(struct udp_sides *t, const struct udp_key *k, const struct udp_val *v,
		       __u16 *port)
{
	enum edge_dir dir;

	if (!k->local_port)
		dir = EDGE_CLIENT;
	else if (!k->remote_port)
		dir = EDGE_SERVER;
	else
		dir = decide(t, k, v);
	*port = dir == EDGE_CLIENT ? k->remote_port : k->local_port;
	return dir;
}

void udp_edge(struct udp_sides *t, const struct udp_key *k, const struct udp_val *v,
	      bool bytes, struct edge_key *key, struct edge_val *val)
{
	memset(key, 0, sizeof(*key));
	memset(val, 0, sizeof(*val));
	key->born = k->born;
	key->tgid = k->tgid;
	key->netns = k->netns;
	memcpy(key->local, k->local, 16);
	memcpy(key->remote, k->remote, 16);
	key->dir = (__u8)udp_side(t, k, v, &key->port);
	key->proto = PROTO_UDP;
	val->tx = bytes ? v->tx : 0;
	val->rx = bytes ? v->rx : 0;
	val->no_bytes = !bytes;
	val->first_ns = v->first_ns;
	val->last_ns = v->last_ns;
	val->opens = val->closes = v->we_began + v->they_began;
	memcpy(val->sample, v->sample, sizeof(val->sample));
}
