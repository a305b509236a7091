/* SPDX-License-Identifier: Apache-2.0 */
#include "common/listeners.h"

#include <stdlib.h>

#include "common/addrmix.h"
#include "common/mem.h"

enum { WAYS = 8, SETS = LISTENERS_MAX / WAYS };

struct listener_seen {
	struct addr addr;
	uint16_t port;
	uint16_t used;
	uint32_t turn; /* when it was confirmed last */
};

/* Sets of eight: bounded time, and no list to keep. */
struct listeners {
	struct listener_seen way[SETS][WAYS];
	uint64_t seed;
	uint32_t turn;
};

struct listeners *listeners_new(uint64_t seed)
{
	struct listeners *l = xcalloc(1, sizeof(*l));

	l->seed = seed;
	return l;
}

void listeners_free(struct listeners *l)
{
	free(l);
}

static unsigned set_of(const struct listeners *l, const struct addr *a, uint16_t port)
{
	return (unsigned)(addr_mix(l->seed, a, port) >> 40) % SETS;
}

static struct listener_seen *find(const struct listeners *l, const struct addr *a,
				  uint16_t port)
{
	const struct listener_seen *set = l->way[set_of(l, a, port)];

	for (int i = 0; i < WAYS; i++)
		if (set[i].used && set[i].port == port && addr_eq(&set[i].addr, a))
			return (struct listener_seen *)&set[i];
	return NULL;
}

void listeners_learn(struct listeners *l, const struct addr *a, uint16_t port)
{
	struct listener_seen *at = find(l, a, port), *set;

	l->turn++;
	if (!at) {
		set = l->way[set_of(l, a, port)];
		at = &set[0];
		for (int i = 1; i < WAYS && at->used; i++)
			if (!set[i].used || (int32_t)(set[i].turn - at->turn) < 0)
				at = &set[i];
		*at = (struct listener_seen){ .addr = *a, .port = port, .used = 1 };
	}
	at->turn = l->turn;
}

bool listeners_has(const struct listeners *l, const struct addr *a, uint16_t port)
{
	return find(l, a, port) != NULL;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static bool is_known(uint16_t port)
{
	static const uint16_t known[] = {
		1433,  1434,  1521,  1723,  1883,  2049,  2181,	 2375,	2376,  2379,  2380,
		3000,  3128,  3260,  3268,  3269,  3306,  3389,	 4222,	4369,  4789,  5000,
		5044,  5060,  5222,  5432,  5601,  5671,  5672,	 5900,	5984,  5985,  5986,
		6379,  6443,  6667,  7000,  7001,  7077,  7474,	 7687,	8000,  8009,  8080,
		8081,  8086,  8088,  8090,  8125,  8140,  8200,	 8300,	8301,  8443,  8500,
		8834,  8888,  9000,  9042,  9090,  9092,  9093,	 9100,	9160,  9200,  9300,
		9418,  9999,  10000, 10050, 10051, 10250, 11211, 15672, 16379, 25565, 26379,
		27017, 27018, 50000, 50070, 61616,
	};

	return bsearch(&port, known, sizeof(known) / sizeof(known[0]), sizeof(known[0]),
		       by_number);
}

static int rank(uint16_t port)
{
	if (port < 1024)
		return 3;
	if (is_known(port))
		return 2;
	return port < 32768;
}

int port_rule(uint16_t a, uint16_t b)
{
	return rank(b) > rank(a) ? 1 : rank(b) < rank(a) ? -1 : 0;
}
