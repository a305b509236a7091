/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Estates made by hand: groups of machines with one process each, and edges between the first
 * machines of groups.  estatekit_done makes graph and plan of it; both stay as they were added
 * until then.
 */
#ifndef TESTS_ESTATEKIT_H
#define TESTS_ESTATEKIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/plan.h"

enum { ESTATEKIT_MACHINES = 1000, ESTATEKIT_EDGES = 1000 };

struct estatekit {
	struct graph_machine machine[ESTATEKIT_MACHINES];
	unsigned group_of[ESTATEKIT_MACHINES], machine_n;
	struct graph_edge edge[ESTATEKIT_EDGES];
	unsigned edge_n;
	struct plan *made; /* until done */
	struct graph *g;
	struct plan *p;
};

static inline struct plan_group *estatekit_find(struct estatekit *k, const char *name)
{
	struct plan *p = k->p ? k->p : k->made;
	unsigned i = plan_find(p, name);

	ck_assert_msg(i != PLAN_NONE, "no group %s", name);
	return &p->group[i];
}

static inline unsigned estatekit_first(struct estatekit *k, const char *name)
{
	unsigned g = plan_find(k->made, name), m = 0;

	while (k->group_of[m] != g)
		m++;
	return m;
}

static inline void estatekit_add(struct estatekit *k, enum plan_kind kind, const char *name,
				 unsigned n, enum service service)
{
	if (!k->made)
		k->made = plan_new(ESTATEKIT_MACHINES);
	plan_add(k->made, kind, name)->service = service;
	for (unsigned i = 0; i < n; i++) {
		unsigned m = k->machine_n++;
		struct graph_machine *at = &k->machine[m];

		ck_assert_uint_lt(m, ESTATEKIT_MACHINES);
		*at = (struct graph_machine){ .id = xasprintf("id-%s-%u", name, i),
					      .name = xasprintf("%s-%u", name, i),
					      .os = xstrdup(""),
					      .site = xstrdup(""),
					      .extra = xstrdup(""),
					      .known = true };
		at->ips = xcalloc(1, sizeof(*at->ips));
		at->ips[at->ips_n++] = xasprintf("10.0.%u.%u", m / 250, m % 250 + 1);
		k->group_of[m] = k->made->group_n - 1;
	}
}

static inline void estatekit_group(struct estatekit *k, const char *name, unsigned n)
{
	estatekit_add(k, PLAN_GROUP, name, n, SERVICE_NONE);
}

static inline void estatekit_shared(struct estatekit *k, const char *name, unsigned n,
				    enum service service)
{
	estatekit_add(k, PLAN_SHARED, name, n, service);
}

/* Between the first machines of the two. */
static inline void estatekit_edge(struct estatekit *k, const char *client, const char *server,
				  uint16_t port, uint64_t opens)
{
	ck_assert_uint_lt(k->edge_n, ESTATEKIT_EDGES);
	k->edge[k->edge_n++] = (struct graph_edge){
		.client = estatekit_first(k, client),
		.server = estatekit_first(k, server),
		.proto = PROTO_TCP,
		.port = port,
		.c = { .opens = opens, .has_bytes = true, .bytes_to_server = opens * 1000 },
		.first = 1000000,
		.last = 1000000 + 10 * 86400,
	};
}

static inline void estatekit_env(struct estatekit *k, const char *name, const char *env)
{
	plan_text(&estatekit_find(k, name)->env, env);
}

static inline void estatekit_state(struct estatekit *k, const char *name,
				   enum plan_state state, unsigned wave)
{
	estatekit_find(k, name)->state = state;
	estatekit_find(k, name)->wave = wave;
}

/* Of the group's first machine. */
static inline void estatekit_extra(struct estatekit *k, const char *name, const char *json)
{
	plan_text(&k->machine[estatekit_first(k, name)].extra, json);
}

static inline void estatekit_done(struct estatekit *k)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	if (!k->made)
		k->made = plan_new(ESTATEKIT_MACHINES);
	g->machine = xcalloc(k->machine_n + 1ul, sizeof(*g->machine));
	g->process = xcalloc(k->machine_n + 1ul, sizeof(*g->process));
	g->edge = xcalloc(k->edge_n + 1ul, sizeof(*g->edge));
	g->machine_n = g->process_n = k->machine_n;
	g->edge_n = k->edge_n;
	g->first = 1000000;
	g->last = 1000000 + 10 * 86400;
	memcpy(g->machine, k->machine, k->machine_n * sizeof(*g->machine));
	memcpy(g->edge, k->edge, k->edge_n * sizeof(*g->edge));
	for (unsigned m = 0; m < k->machine_n; m++) {
		g->process[m] = (struct graph_process){ .machine = m,
							.name = xstrdup("p"),
							.ip = xstrdup(""),
							.unit = xstrdup(""),
							.container = xstrdup(""),
							.exe = xstrdup("") };
		k->made->machine[m].group = k->group_of[m];
	}
	plan_settle(k->made);
	k->g = g;
	k->p = k->made;
}

static inline void estatekit_fini(struct estatekit *k)
{
	plan_free(k->p);
	graph_free(k->g);
}

#endif
