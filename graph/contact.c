/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/contact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	STEADY = 6,	/* connections that make a service steady */
	HARDLY = 2,	/* so few are an accident */
	AGENT_MIN = 20, /* machines that serve a port before it can be an agent's */
};
#define AGENT_SHARE .08	 /* of all machines serve it */
#define AGENT_CALLERS .2 /* callers for each server, at most */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every name once, sorted; number 0 is "". */
static void name_processes(struct contacts *c)
{
	const struct graph *g = c->g;
	unsigned n = 1, kept = 0;

	c->process = xcalloc(g->process_n + 1ul, sizeof(*c->process));
	c->process[0] = "";
	for (unsigned i = 0; i < g->process_n; i++)
		c->process[n++] = g->process[i].name;
	qsort(c->process, n, sizeof(*c->process), by_text);
	for (unsigned i = 0; i < n; i++)
		if (!i || strcmp(c->process[kept - 1], c->process[i]) != 0)
			c->process[kept++] = c->process[i];
	c->process_n = kept;
}

static unsigned *process_numbers(const struct contacts *c)
{
	unsigned *number = xcalloc(c->g->process_n, sizeof(*number));

	for (unsigned i = 0; i < c->g->process_n; i++) {
		const char *name = c->g->process[i].name;
		const char **at =
			bsearch(&name, c->process, c->process_n, sizeof(*c->process), by_text);

		number[i] = (unsigned)(at - c->process);
	}
	return number;
}

/* The first by name of those that are known. */
static unsigned first_process(unsigned a, unsigned b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

struct amount {
	uint64_t good;
	bool live;
};

static void rate(struct contact *c, const struct amount *a)
{
	if (a->live || a->good >= STEADY)
		c->steady = 1;
	else
		c->steady = a->good > HARDLY ? .3f : .05f;
	c->log_n = log10f((float)(a->good ? a->good : 1));
}

static bool same_contact(const struct contact *a, const struct contact *b)
{
	return a->client == b->client && a->server == b->server && a->port == b->port &&
	       a->proto == b->proto;
}

/* The graph's edges stand by machines, port and protocol, so those of a contact are
 * neighbours. */
static void join_edges(struct contacts *c)
{
	const struct graph *g = c->g;
	unsigned *number = process_numbers(c);
	struct amount sum = { 0 };
	unsigned n = 0;

	c->contact = xcalloc(g->edge_n, sizeof(*c->contact));
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		uint64_t failed = counters_failed(&e->c);
		uint64_t good = e->c.opens > failed ? e->c.opens - failed : 0;
		struct contact k = { .client = g->process[e->client].machine,
				     .server = g->process[e->server].machine,
				     .client_process = number[e->client],
				     .server_process = number[e->server],
				     .port = e->port,
				     .proto = e->proto };

		if (!good && !e->live)
			continue;
		if (k.client == k.server || !g->machine[k.client].known ||
		    !g->machine[k.server].known)
			continue;
		if (n && same_contact(&c->contact[n - 1], &k)) {
			struct contact *to = &c->contact[n - 1];

			to->client_process =
				first_process(to->client_process, k.client_process);
			to->server_process =
				first_process(to->server_process, k.server_process);
			sum.good += good + e->live;
			sum.live |= e->live > 0;
		} else {
			k.class = (uint8_t)portbook_class(k.port);
			c->contact[n++] = k;
			sum = (struct amount){ good + e->live, e->live > 0 };
		}
		rate(&c->contact[n - 1], &sum);
	}
	c->contact_n = n;
	free(number);
}

static const struct contact *sort_contacts;

static int num_cmp(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

static int by_service(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct contact *a = &sort_contacts[x], *b = &sort_contacts[y];
	int d;

	if ((d = num_cmp(a->server, b->server)) || (d = num_cmp(a->port, b->port)) ||
	    (d = num_cmp(a->proto, b->proto)))
		return d;
	return num_cmp(x, y);
}

static int by_fan(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct contact *a = &sort_contacts[x], *b = &sort_contacts[y];
	int d;

	if ((d = num_cmp(a->client, b->client)) || (d = num_cmp(a->port, b->port)) ||
	    (d = num_cmp(a->proto, b->proto)))
		return d;
	return num_cmp(x, y);
}

static void index_services(struct contacts *c)
{
	unsigned n = 0;

	c->by_service = xcalloc(c->contact_n, sizeof(*c->by_service));
	c->service = xcalloc(c->contact_n + 1ul, sizeof(*c->service));
	for (unsigned i = 0; i < c->contact_n; i++)
		c->by_service[i] = i;
	sort_contacts = c->contact;
	qsort(c->by_service, c->contact_n, sizeof(*c->by_service), by_service);
	for (unsigned i = 0; i < c->contact_n; i++) {
		struct contact *k = &c->contact[c->by_service[i]];
		const struct contact *l = i ? &c->contact[c->by_service[i - 1]] : NULL;

		if (!l || l->server != k->server || l->port != k->port || l->proto != k->proto)
			c->service[n++] = i;
		k->service = n - 1;
	}
	c->service_n = n;
	c->service[n] = c->contact_n;
}

static void index_fans(struct contacts *c)
{
	unsigned n = 0;

	c->by_fan = xcalloc(c->contact_n, sizeof(*c->by_fan));
	c->fan = xcalloc(c->contact_n + 1ul, sizeof(*c->fan));
	for (unsigned i = 0; i < c->contact_n; i++)
		c->by_fan[i] = i;
	sort_contacts = c->contact;
	qsort(c->by_fan, c->contact_n, sizeof(*c->by_fan), by_fan);
	for (unsigned i = 0; i < c->contact_n; i++) {
		struct contact *k = &c->contact[c->by_fan[i]];
		const struct contact *l = i ? &c->contact[c->by_fan[i - 1]] : NULL;

		if (!l || l->client != k->client || l->port != k->port || l->proto != k->proto)
			c->fan[n++] = i;
		k->fan = n - 1;
	}
	c->fan_n = n;
	c->fan[n] = c->contact_n;
}

static void index_machines(struct contacts *c)
{
	unsigned *at;

	c->machine = xcalloc(c->machine_n + 1ul, sizeof(*c->machine));
	c->by_machine = xcalloc(2ul * c->contact_n, sizeof(*c->by_machine));
	for (unsigned i = 0; i < c->contact_n; i++) {
		c->machine[c->contact[i].client + 1]++;
		c->machine[c->contact[i].server + 1]++;
	}
	for (unsigned m = 0; m < c->machine_n; m++)
		c->machine[m + 1] += c->machine[m];
	at = xcalloc(c->machine_n, sizeof(*at));
	memcpy(at, c->machine, c->machine_n * sizeof(*at));
	for (unsigned i = 0; i < c->contact_n; i++) {
		c->by_machine[at[c->contact[i].client]++] = i;
		c->by_machine[at[c->contact[i].server]++] = i;
	}
	free(at);
}

enum { PORTS = 65536 };

/* Distinct servers and callers of each port; services and fans are those. */
static void count_ports(const struct contacts *c, unsigned *servers, unsigned *callers)
{
	for (unsigned s = 0; s < c->service_n; s++)
		servers[c->contact[c->by_service[c->service[s]]].port]++;
	for (unsigned f = 0; f < c->fan_n; f++)
		callers[c->contact[c->by_fan[c->fan[f]]].port]++;
}

static void learn_agents(struct contacts *c)
{
	unsigned *servers = xcalloc(PORTS, sizeof(*servers));
	unsigned *callers = xcalloc(PORTS, sizeof(*callers)), known = 0;
	double least;

	for (unsigned m = 0; m < c->machine_n; m++)
		known += c->g->machine[m].known;
	least = fmax(AGENT_MIN, AGENT_SHARE * known);
	count_ports(c, servers, callers);
	for (unsigned i = 0; i < c->contact_n; i++) {
		struct contact *k = &c->contact[i];

		if (k->class == PORT_ADMIN || servers[k->port] <= least ||
		    callers[k->port] >= AGENT_CALLERS * servers[k->port])
			continue;
		k->agent = true;
		k->class = PORT_INFRA;
	}
	free(servers);
	free(callers);
}

struct contacts *contacts_new(const struct graph *g)
{
	struct contacts *c = xcalloc(1, sizeof(*c));

	c->g = g;
	c->machine_n = g->machine_n;
	name_processes(c);
	join_edges(c);
	index_services(c);
	index_fans(c);
	index_machines(c);
	learn_agents(c);
	return c;
}

void contacts_free(struct contacts *c)
{
	if (!c)
		return;
	free(c->contact);
	free(c->by_service);
	free(c->service);
	free(c->by_fan);
	free(c->fan);
	free(c->by_machine);
	free(c->machine);
	free(c->process);
	free(c);
}
