/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/firewall.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/between.h"

/* Addresses of one end of an edge. */
struct addresses {
	struct addr a[FIREWALL_ADDRS + 1];
	unsigned n;
};

static void add_address(struct addresses *to, const char *text)
{
	struct addr a;

	if (!*text || addr_parse(text, &a) < 0 || addr_is_scoped(&a) || addr_is_any(&a))
		return;
	for (unsigned i = 0; i < to->n; i++)
		if (addr_eq(&to->a[i], &a))
			return;
	if (to->n < sizeof(to->a) / sizeof(to->a[0]))
		to->a[to->n++] = a;
}

static struct addresses addresses_of(const struct graph *g, const struct graph_process *p,
				     bool client)
{
	const struct graph_machine *m = &g->machine[p->machine];
	struct addresses out = { 0 };

	add_address(&out, p->ip);
	if (out.n && (!client || m->ips_n > FIREWALL_ADDRS))
		return out;
	for (unsigned i = 0; i < m->ips_n; i++)
		add_address(&out, m->ips[i]);
	return out;
}

static void add_edge(struct firewall *f, size_t *cap, const struct graph *g,
		     const struct graph_edge *e, const struct firewall_rule *like)
{
	struct addresses src = addresses_of(g, &g->process[e->client], true);
	struct addresses dst = addresses_of(g, &g->process[e->server], false);
	bool any = false;

	for (unsigned i = 0; i < src.n; i++) {
		for (unsigned j = 0; j < dst.n; j++) {
			struct firewall_rule *r;

			if (addr_is_v4(&src.a[i]) != addr_is_v4(&dst.a[j]) ||
			    addr_eq(&src.a[i], &dst.a[j]))
				continue;
			MEM_GROW(f->rule, f->rule_n, *cap);
			r = &f->rule[f->rule_n++];
			*r = *like;
			r->source = src.a[i];
			r->destination = dst.a[j];
			any = true;
		}
	}
	f->without += !any;
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_match(const struct firewall_rule *a, const struct firewall_rule *b)
{
	int d = addr_cmp(&a->source, &b->source);

	d = d ? d : addr_cmp(&a->destination, &b->destination);
	d = d ? d : by_number(a->proto, b->proto);
	d = d ? d : by_number(a->port, b->port);
	return d ? d : by_number(a->port_to, b->port_to);
}

static int by_groups(const void *pa, const void *pb)
{
	const struct firewall_rule *a = pa, *b = pb;
	int d = by_number(a->client, b->client);

	d = d ? d : by_number(a->server, b->server);
	d = d ? d : by_number(a->client_machine, b->client_machine);
	d = d ? d : by_number(a->server_machine, b->server_machine);
	return d ? d : by_match(a, b);
}

static void merge_same(struct firewall *f)
{
	size_t out = 0;

	if (f->rule_n)
		qsort(f->rule, f->rule_n, sizeof(*f->rule), by_groups);
	for (size_t i = 0; i < f->rule_n; i++) {
		struct firewall_rule *last = out ? &f->rule[out - 1] : NULL;

		if (!last || by_groups(last, &f->rule[i]) != 0) {
			f->rule[out++] = f->rule[i];
			continue;
		}
		last->connections += f->rule[i].connections;
		if (f->rule[i].last > last->last)
			last->last = f->rule[i].last;
	}
	f->rule_n = out;
}

static bool needed(const struct firewall_rule *r, unsigned wave)
{
	return r->from != r->until && (!wave || (r->from <= wave && wave < r->until));
}

struct firewall *firewall_of(const struct graph *g, const struct plan *p,
			     const struct cut_options *o, unsigned wave)
{
	static const struct cut_options none;
	struct firewall *f = xcalloc(1, sizeof(*f));
	size_t cap = 0;

	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		struct firewall_rule r = { .proto = e->proto,
					   .port = e->port ? e->port : FIREWALL_DYNAMIC,
					   .port_to = e->port ? e->port : FIREWALL_PORT_MAX,
					   .connections = between_worked(e),
					   .last = e->last };

		r.client_machine = g->process[e->client].machine;
		r.server_machine = g->process[e->server].machine;
		r.client = p->machine[r.client_machine].group;
		r.server = p->machine[r.server_machine].group;
		if (!r.connections || !g->machine[r.client_machine].known ||
		    !g->machine[r.server_machine].known || r.client == r.server)
			continue;
		cut_when(p, o ? o : &none, r.client, r.server, &r.from, &r.until);
		if (needed(&r, wave))
			add_edge(f, &cap, g, e, &r);
	}
	merge_same(f);
	return f;
}

void firewall_free(struct firewall *f)
{
	if (!f)
		return;
	free(f->rule);
	free(f);
}
