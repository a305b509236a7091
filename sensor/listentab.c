/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/listentab.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { LISTENERS = 8192 };

#define GONE_NS 60000000000u

static void drop(struct listentab *t, struct waiter *l)
{
	HASH_DEL(t->all, l);
	free(l);
}

void listentab_fini(struct listentab *t)
{
	struct waiter *l, *next;

	HASH_ITER (hh, t->all, l, next)
		drop(t, l);
}

static struct waiter *at(const struct listentab *t, uint32_t netns, const uint8_t addr[16],
			 uint16_t port)
{
	struct listener_key key = { .netns = netns, .port = port };
	struct waiter *l;

	memcpy(key.addr, addr, 16);
	HASH_FIND(hh, t->all, &key, sizeof(key), l);
	return l;
}

struct waiter *listentab_find(const struct listentab *t, uint32_t netns,
			      const uint8_t addr[16], uint16_t port)
{
	static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff }, any6[16];
	struct waiter *l = at(t, netns, addr, port);

	if (!l && memcmp(addr, any4, 12) == 0)
		l = at(t, netns, any4, port);
	return l ? l : at(t, netns, any6, port);
}

static struct waiter *note(struct listentab *t, uint32_t netns, const struct diag *d)
{
	struct waiter *l = at(t, netns, d->local, d->local_port);

	if (l)
		return l;
	if (HASH_COUNT(t->all) >= LISTENERS) {
		t->dropped++;
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->key.netns = netns;
	l->key.port = d->local_port;
	memcpy(l->key.addr, d->local, 16);
	HASH_ADD(hh, t->all, key, sizeof(l->key), l);
	return l;
}

void listentab_seen(struct listentab *t, uint32_t netns, const struct diag *d, uint32_t pass,
		    uint64_t now_ns)
{
	struct waiter *l = note(t, netns, d);

	if (!l)
		return;
	if (l->val.sk != d->cookie) { /* another one: of SO_REUSEPORT, or a later one */
		if (l->inode && l->pass + 1 >= pass)
			return;
		memset(&l->val, 0, sizeof(l->val));
		l->val.sk = d->cookie;
		l->inode = d->inode;
	}
	l->pass = pass;
	l->seen_ns = now_ns;
}

void listentab_ended(struct listentab *t, uint32_t netns, const struct diag *d,
		     uint64_t now_ns)
{
	struct waiter *l = note(t, netns, d);

	if (l)
		l->seen_ns = now_ns;
}

void listentab_tidy(struct listentab *t, uint64_t now_ns)
{
	struct waiter *l, *next;

	HASH_ITER (hh, t->all, l, next)
		if (now_ns > l->seen_ns && now_ns - l->seen_ns > GONE_NS)
			drop(t, l);
}
