/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/model.h"

#include <stdlib.h>
#include <string.h>

void graph_free_machine(struct graph_machine *m)
{
	for (unsigned i = 0; i < m->ips_n; i++)
		free(m->ips[i]);
	free(m->ips);
	free(m->id);
	free(m->name);
	free(m->os);
	free(m->kernel);
	free(m->arch);
	free(m->site);
	free(m->extra);
}

static void free_process(struct graph_process *p)
{
	free(p->name);
	free(p->ip);
	free(p->unit);
	free(p->container);
	free(p->exe);
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->machine_n; i++)
		graph_free_machine(&g->machine[i]);
	for (unsigned i = 0; i < g->process_n; i++)
		free_process(&g->process[i]);
	free(g->machine);
	free(g->process);
	free(g->edge);
	free(g->listener);
	free(g->row);
	free(g);
}

static bool has_ip(const struct graph_machine *m, const char *ip)
{
	for (unsigned i = 0; i < m->ips_n; i++)
		if (!strcmp(m->ips[i], ip))
			return true;
	return false;
}

int graph_find_machine(const struct graph *g, const char *word)
{
	for (unsigned i = 0; i < g->machine_n; i++)
		if (*word && !strcmp(g->machine[i].id, word))
			return (int)i;
	for (unsigned i = 0; i < g->machine_n; i++)
		if (!strcmp(g->machine[i].name, word))
			return (int)i;
	for (unsigned i = 0; i < g->machine_n; i++)
		if (has_ip(&g->machine[i], word))
			return (int)i;
	return -1;
}

void graph_add_counters(struct counters *a, const struct counters *b)
{
	a->opens += b->opens;
	a->refused += b->refused;
	a->timeouts += b->timeouts;
	a->unreachable += b->unreachable;
	a->resets += b->resets;
	a->failed_other += b->failed_other;
	a->abandoned += b->abandoned;
	a->bytes_to_server += b->bytes_to_server;
	a->bytes_to_client += b->bytes_to_client;
	a->retransmits += b->retransmits;
	a->rtt_sum_us += b->rtt_sum_us;
	a->rtt_n += b->rtt_n;
	a->has_bytes = a->has_bytes && b->has_bytes;
}
