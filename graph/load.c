/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows to a graph.  While rows arrive, an end is a "spot": machine, name, unit, container
 * and ip.  When all are there, spots that are one process are joined (graph/netns.h), machines
 * and processes get their final order, and edges are rewritten, sorted and joined.
 */
#include "graph/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/buf.h"
#include "common/mem.h"
#include "graph/dynamic.h"
#include "graph/netns.h"

struct name {
	unsigned index;
	UT_hash_handle hh;
	char text[];
};

struct spot {
	unsigned machine, process, class;
	const struct name *ip;
	bool says; /* its address is known beyond its machine */
	char *name, *unit, *container, *exe;
};

struct load {
	struct graph *g;
	bool *used; /* by machine: an edge or the filter names it */
	unsigned machine_cap, spot_n, spot_cap, edge_cap, listener_cap;
	struct spot *spot;
	struct name *machines, *spots, *ips; /* what was met before, by its text */
	struct buf key;
	bool narrow;
	unsigned near[2], near_spot[2]; /* of the client and the server of the row before */
};

static void forget(struct name **names)
{
	struct name *i, *next;

	HASH_ITER (hh, *names, i, next) {
		HASH_DEL(*names, i);
		free(i);
	}
}

/* INDEX of the first to bear this text, or NEXT, which it gets if it is new. */
static const struct name *intern(struct name **names, const void *text, size_t n,
				 unsigned next)
{
	struct name *found;

	HASH_FIND(hh, *names, text, n, found);
	if (found)
		return found;
	found = xmalloc(sizeof(*found) + n + 1);
	memcpy(found->text, text, n);
	found->text[n] = 0;
	found->index = next;
	HASH_ADD_KEYPTR(hh, *names, found->text, n, found);
	return found;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Parts of a key are told apart by a byte that stands in no UTF-8 text. */
static void key_part(struct buf *key, const char *s)
{
	buf_str(key, or_empty(s));
	buf_u8(key, 0xff);
}

static unsigned add_machine(struct load *l, const char *key, size_t n, bool *added)
{
	struct graph *g = l->g;
	unsigned i = intern(&l->machines, key, n, g->machine_n)->index;

	*added = i == g->machine_n;
	if (!*added)
		return i;
	if (g->machine_n == l->machine_cap) {
		l->machine_cap = l->machine_cap ? l->machine_cap * 2 : 64;
		g->machine = xreallocarray(g->machine, l->machine_cap, sizeof(*g->machine));
		l->used = xreallocarray(l->used, l->machine_cap, sizeof(*l->used));
	}
	l->used[g->machine_n] = false;
	memset(&g->machine[g->machine_n++], 0, sizeof(*g->machine));
	return i;
}

static unsigned known_machine(struct load *l, const char *id, const char *name)
{
	struct graph_machine *m;
	bool added;
	unsigned i;

	buf_reset(&l->key);
	key_part(&l->key, "id");
	key_part(&l->key, id);
	i = add_machine(l, (const char *)l->key.p, l->key.n, &added);
	if (!added)
		return i;
	m = &l->g->machine[i];
	m->id = xstrdup(id);
	m->name = xstrdup(name && *name ? name : id);
	m->os = xstrdup("");
	m->kernel = xstrdup("");
	m->arch = xstrdup("");
	m->site = xstrdup("");
	m->extra = xstrdup("");
	m->known = true;
	return i;
}

static unsigned stranger(struct load *l, const char *ip, const char *realm, bool scoped,
			 unsigned near)
{
	struct graph_machine *m;
	bool added;
	unsigned i;

	buf_reset(&l->key);
	key_part(&l->key, "ip");
	key_part(&l->key, ip);
	if (*realm)
		key_part(&l->key, realm);
	if (scoped)
		buf_printf(&l->key, "%u", near);
	i = add_machine(l, (const char *)l->key.p, l->key.n, &added);
	if (!added)
		return i;
	m = &l->g->machine[i];
	m->id = xstrdup("");
	m->name =
		*realm ? xasprintf("%s@%s", ip, realm) : xstrdup(*ip ? ip : "unknown address");
	m->os = xstrdup("");
	m->kernel = xstrdup("");
	m->arch = xstrdup("");
	m->site = xstrdup("");
	m->extra = xstrdup("");
	if (*ip) {
		m->ips = xcalloc(1, sizeof(*m->ips));
		m->ips[m->ips_n++] = xstrdup(ip);
	}
	return i;
}

static int on_machine(const struct machine_row *row, void *ctx)
{
	struct load *l = ctx;
	unsigned i = known_machine(l, row->id, row->name);
	struct graph_machine *m = &l->g->machine[i];

	free(m->os);
	free(m->kernel);
	free(m->arch);
	free(m->site);
	free(m->extra);
	m->os = xstrdup(or_empty(row->os));
	m->kernel = xstrdup(or_empty(row->kernel));
	m->arch = xstrdup(or_empty(row->arch));
	m->site = xstrdup(or_empty(row->site));
	m->extra = xstrdup(or_empty(row->extra));
	m->cores = row->cores;
	m->memory_bytes = row->memory_bytes;
	m->sensor = row->sensor;
	if (m->ips)
		return 0;
	m->ips = xcalloc(row->ips_n, sizeof(*m->ips));
	for (i = 0; i < row->ips_n; i++)
		m->ips[m->ips_n++] = xstrdup(row->ips[i]);
	return 0;
}

/* Scopes and units of systemd-run bear a number that changes with every start. */
static const char *lasting_unit(const char *unit)
{
	const char *dot = strrchr(unit, '.');

	if (dot && !strcmp(dot, ".scope"))
		return "";
	return !strncmp(unit, "run-", 4) ? "" : unit;
}

enum reach { GLOBAL, LINK, LOOPBACK };

static enum reach reach_of(const char *ip)
{
	struct addr a;

	if (addr_parse(ip, &a) < 0 || !addr_is_scoped(&a))
		return GLOBAL;
	return addr_is_loopback(&a) ? LOOPBACK : LINK;
}

/* Rows come in an order: most have the client of the one before, some the server too. */
static bool same_spot(const struct load *l, unsigned i, unsigned machine,
		      const struct process *p, const char *ip)
{
	const struct spot *s = &l->spot[i];

	return i < l->spot_n && s->machine == machine && !strcmp(s->ip->text, ip) &&
	       !strcmp(s->name, or_empty(p->name)) &&
	       !strcmp(s->unit, lasting_unit(or_empty(p->unit))) &&
	       !strcmp(s->container, or_empty(p->container));
}

static unsigned spot_of(struct load *l, unsigned machine, const struct process *p,
			const char *ip)
{
	struct spot *s;
	unsigned i;

	buf_reset(&l->key);
	buf_u32(&l->key, machine);
	key_part(&l->key, p->name);
	key_part(&l->key, lasting_unit(or_empty(p->unit)));
	key_part(&l->key, p->container);
	key_part(&l->key, ip);
	i = intern(&l->spots, l->key.p, l->key.n, l->spot_n)->index;
	if (i < l->spot_n)
		return i;
	MEM_GROW(l->spot, l->spot_n, l->spot_cap);
	s = &l->spot[l->spot_n++];
	*s = (struct spot){ .machine = machine };
	s->ip = intern(&l->ips, ip, strlen(ip), HASH_COUNT(l->ips));
	s->says = *ip && reach_of(ip) == GLOBAL;
	s->name = xstrdup(or_empty(p->name));
	s->unit = xstrdup(lasting_unit(or_empty(p->unit)));
	s->container = xstrdup(or_empty(p->container));
	s->exe = xstrdup(or_empty(p->exe));
	return i;
}

static unsigned near_spot(struct load *l, int side, unsigned machine, const struct process *p,
			  const char *ip)
{
	if (!same_spot(l, l->near_spot[side], machine, p, ip))
		l->near_spot[side] = spot_of(l, machine, p, ip);
	return l->near_spot[side];
}

static int find_end(struct load *l, int side, const struct end_row *end)
{
	const struct graph *g = l->g;
	unsigned i = l->near[side];

	if (!end->id)
		return -1;
	if (i >= g->machine_n || !g->machine[i].known ||
	    strcmp(g->machine[i].id, end->id) != 0)
		l->near[side] = known_machine(l, end->id, end->name);
	return (int)l->near[side];
}

/* An end that is no known machine: a loopback address is the other end's own. */
static unsigned place_end(struct load *l, const struct end_row *end, int own, int other)
{
	const char *ip = or_empty(end->ip);
	enum reach reach;

	if (own >= 0)
		return (unsigned)own;
	reach = reach_of(ip);
	if (reach == LOOPBACK && other >= 0)
		return (unsigned)other;
	return stranger(l, ip, or_empty(end->realm), reach != GLOBAL && other >= 0,
			other >= 0 ? (unsigned)other : 0);
}

static int on_edge(const struct edge_row *row, void *ctx)
{
	struct load *l = ctx;
	struct graph *g = l->g;
	int client = find_end(l, 0, &row->client), server = find_end(l, 1, &row->server);
	unsigned cm = place_end(l, &row->client, client, server);
	unsigned sm = place_end(l, &row->server, server, client);

	l->used[cm] = l->used[sm] = true;
	MEM_GROW(g->edge, g->edge_n, l->edge_cap);
	g->edge[g->edge_n++] = (struct graph_edge){
		.client = near_spot(l, 0, cm, &row->client.process, or_empty(row->client.ip)),
		.server = near_spot(l, 1, sm, &row->server.process, or_empty(row->server.ip)),
		.proto = row->proto,
		.port = row->port,
		.c = row->c,
		.live = row->live,
		.pending = row->pending,
		.first = row->first,
		.last = row->last,
		.witnesses = row->witnesses,
		.guess = row->guess,
		.row = row->edge,
	};
	return 0;
}

static int on_listener(const struct listener_row *row, void *ctx)
{
	struct load *l = ctx;
	struct graph *g = l->g;
	struct addr a;
	bool any = addr_parse(or_empty(row->ip), &a) < 0 || addr_is_any(&a);
	unsigned m = known_machine(l, row->machine, row->machine_name);

	if (!row->current)
		return 0;
	MEM_GROW(g->listener, g->listener_n, l->listener_cap);
	g->listener[g->listener_n++] = (struct graph_listener){
		.process = spot_of(l, m, &row->process, any ? "" : row->ip),
		.proto = row->proto,
		.port = row->port,
	};
	return 0;
}

static const struct graph_machine *sort_machines;
static int by_machine(const void *pa, const void *pb)
{
	const struct graph_machine *a = &sort_machines[*(const unsigned *)pa];
	const struct graph_machine *b = &sort_machines[*(const unsigned *)pb];
	int d = strcmp(a->name, b->name);

	return d ? d : strcmp(a->id, b->id);
}

/* Sorts and leaves out; the spots follow. */
static void order_machines(struct load *l)
{
	struct graph *g = l->g;
	unsigned *order = xcalloc(g->machine_n, sizeof(*order));
	unsigned *new_index = xcalloc(g->machine_n, sizeof(*new_index)), n = 0;
	struct graph_machine *sorted = xcalloc(g->machine_n, sizeof(*sorted));

	for (unsigned i = 0; i < g->machine_n; i++) {
		if (!l->narrow || l->used[i]) {
			order[n++] = i;
			continue;
		}
		graph_free_machine(&g->machine[i]);
	}
	sort_machines = g->machine;
	qsort(order, n, sizeof(*order), by_machine);
	for (unsigned i = 0; i < n; i++) {
		sorted[i] = g->machine[order[i]];
		new_index[order[i]] = i;
	}
	for (unsigned i = 0; i < l->spot_n; i++)
		l->spot[i].machine = new_index[l->spot[i].machine];
	free(g->machine);
	g->machine = sorted;
	g->machine_n = n;
	free(order);
	free(new_index);
}

static const struct spot *sort_spots;
static int class_cmp(const struct spot *a, const struct spot *b)
{
	int d;

	if (a->machine != b->machine)
		return a->machine < b->machine ? -1 : 1;
	if ((d = strcmp(a->name, b->name)) || (d = strcmp(a->unit, b->unit)))
		return d;
	return strcmp(a->container, b->container);
}

static int by_spot(const void *pa, const void *pb)
{
	const struct spot *a = &sort_spots[*(const unsigned *)pa];
	const struct spot *b = &sort_spots[*(const unsigned *)pb];
	int d = class_cmp(a, b);

	if (d)
		return d;
	return a->says != b->says ? b->says - a->says : strcmp(a->ip->text, b->ip->text);
}

static void renumber(struct load *l, const unsigned *to)
{
	struct graph *g = l->g;

	for (unsigned i = 0; i < g->edge_n; i++) {
		g->edge[i].client = to[g->edge[i].client];
		g->edge[i].server = to[g->edge[i].server];
	}
	for (unsigned i = 0; i < g->listener_n; i++)
		g->listener[i].process = to[g->listener[i].process];
}

/* Global addresses first within a class: a loopback one joins group 0, which is theirs. */
static void order_spots(struct load *l)
{
	unsigned *order = xcalloc(l->spot_n, sizeof(*order));
	unsigned *to = xcalloc(l->spot_n, sizeof(*to));
	struct spot *sorted = xcalloc(l->spot_n, sizeof(*sorted));

	for (unsigned i = 0; i < l->spot_n; i++)
		order[i] = i;
	sort_spots = l->spot;
	qsort(order, l->spot_n, sizeof(*order), by_spot);
	for (unsigned i = 0; i < l->spot_n; i++) {
		sorted[i] = l->spot[order[i]];
		to[order[i]] = i;
		if (i)
			sorted[i].class = sorted[i - 1].class +
					  (class_cmp(&sorted[i - 1], &sorted[i]) != 0);
	}
	renumber(l, to);
	free(l->spot);
	l->spot = sorted;
	free(order);
	free(to);
}

static struct netns_spot *split(struct load *l)
{
	struct graph *g = l->g;
	struct netns_spot *ns = xcalloc(l->spot_n, sizeof(*ns));
	struct netns_edge *inner = xcalloc(g->edge_n, sizeof(*inner));
	unsigned n = 0;

	for (unsigned i = 0; i < l->spot_n; i++) {
		const char *ip = l->spot[i].ip->text;

		ns[i].class = l->spot[i].class;
		ns[i].ip = l->spot[i].ip->index;
		ns[i].v6 = strchr(ip, ':');
		ns[i].nowhere = !l->spot[i].says || *l->spot[i].container;
	}
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];

		if (l->spot[e->client].machine == l->spot[e->server].machine)
			inner[n++] = (struct netns_edge){ e->client, e->server, e->port };
	}
	netns_split(ns, l->spot_n, inner, n);
	free(inner);
	return ns;
}

static unsigned add_process(struct graph *g, struct spot *s)
{
	struct graph_process *p = &g->process[g->process_n];

	*p = (struct graph_process){
		.machine = s->machine,
		.name = s->name,
		.ip = xstrdup(s->ip->text),
		.unit = s->unit,
		.container = s->container,
		.exe = s->exe,
	};
	s->name = s->unit = s->container = s->exe = NULL;
	return g->process_n++;
}

/* Spots stand in the order that processes shall have; a process bears its first spot's ip. */
static void join_spots(struct load *l)
{
	struct graph *g = l->g;
	struct netns_spot *ns = split(l);
	unsigned *to = xcalloc(l->spot_n, sizeof(*to)), start = 0;

	g->process = xcalloc(l->spot_n, sizeof(*g->process));
	for (unsigned i = 0; i < l->spot_n; i++) {
		unsigned k = start;

		if (i && ns[i].class != ns[i - 1].class)
			k = start = i;
		while (k < i && ns[k].group != ns[i].group)
			k++;
		to[i] = k < i ? to[k] : add_process(g, &l->spot[i]);
	}
	renumber(l, to);
	free(to);
	free(ns);
}

static const struct graph_process *sort_processes;
static int num_cmp(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_edge(const void *pa, const void *pb)
{
	const struct graph_edge *a = pa, *b = pb;
	const struct graph_process *p = sort_processes;
	int d;

	if ((d = num_cmp(p[a->client].machine, p[b->client].machine)) ||
	    (d = num_cmp(p[a->server].machine, p[b->server].machine)) ||
	    (d = num_cmp(a->port, b->port)) || (d = num_cmp(a->proto, b->proto)) ||
	    (d = num_cmp(a->client, b->client)))
		return d;
	return num_cmp(a->server, b->server);
}

static void join_edge(struct graph_edge *a, const struct graph_edge *b)
{
	graph_add_counters(&a->c, &b->c);
	a->live += b->live;
	a->pending += b->pending;
	a->witnesses |= b->witnesses;
	a->guess |= b->guess;
	if (b->row < a->row)
		a->row = b->row;
	if (b->first && (!a->first || b->first < a->first))
		a->first = b->first;
	if (b->last > a->last)
		a->last = b->last;
}

static int by_row(const void *pa, const void *pb)
{
	const struct graph_row *a = pa, *b = pb;

	return (a->row > b->row) - (a->row < b->row);
}

static void order_edges(struct graph *g)
{
	unsigned n = 0;

	g->row = xcalloc(g->edge_n + 1ul, sizeof(*g->row));
	g->row_n = g->edge_n;
	sort_processes = g->process;
	if (g->edge_n)
		qsort(g->edge, g->edge_n, sizeof(*g->edge), by_edge);
	for (unsigned i = 0; i < g->edge_n; i++) {
		g->row[i].row = g->edge[i].row;
		if (n && !by_edge(&g->edge[n - 1], &g->edge[i]))
			join_edge(&g->edge[n - 1], &g->edge[i]);
		else
			g->edge[n++] = g->edge[i];
		g->row[i].edge = n - 1;
	}
	qsort(g->row, g->row_n, sizeof(*g->row), by_row);
	g->edge_n = n;
	for (unsigned i = 0; i < n; i++) {
		if (g->edge[i].first && (!g->first || g->edge[i].first < g->first))
			g->first = g->edge[i].first;
		if (g->edge[i].last > g->last)
			g->last = g->edge[i].last;
	}
}

static int by_listener(const void *pa, const void *pb)
{
	const struct graph_listener *a = pa, *b = pb;
	int d;

	if ((d = num_cmp(a->process, b->process)) || (d = num_cmp(a->port, b->port)))
		return d;
	return num_cmp(a->proto, b->proto);
}

static void order_listeners(struct graph *g)
{
	unsigned n = 0;

	if (g->listener_n)
		qsort(g->listener, g->listener_n, sizeof(*g->listener), by_listener);
	for (unsigned i = 0; i < g->listener_n; i++)
		if (!n || by_listener(&g->listener[n - 1], &g->listener[i]))
			g->listener[n++] = g->listener[i];
	g->listener_n = n;
}

static int read_rows(struct load *l, struct store *s, const struct filter *f, struct err *e)
{
	struct filter everybody = { .undated = true }, anywhere = *f;
	int rc;

	anywhere.machine = NULL; /* what a neighbour listens to tells what it is */
	if ((rc = query_machines(s, &everybody, on_machine, l, e)) < 0 ||
	    (rc = query_edges(s, f, on_edge, l, e)) < 0 ||
	    (rc = query_listeners(s, &anywhere, on_listener, l, e)) < 0)
		return rc;
	return query_health(s, &l->g->health, e);
}

/* A listener on a machine that is left out goes with it. */
static void drop_listeners(struct load *l)
{
	struct graph *g = l->g;
	unsigned n = 0;

	for (unsigned i = 0; i < g->listener_n; i++)
		if (!l->narrow || l->used[l->spot[g->listener[i].process].machine])
			g->listener[n++] = g->listener[i];
	g->listener_n = n;
}

static void drop_spots(struct load *l)
{
	unsigned *to = xcalloc(l->spot_n, sizeof(*to)), n = 0;

	for (unsigned i = 0; i < l->spot_n; i++) {
		if (!l->narrow || l->used[l->spot[i].machine]) {
			to[i] = n;
			l->spot[n++] = l->spot[i];
			continue;
		}
		free(l->spot[i].name);
		free(l->spot[i].unit);
		free(l->spot[i].container);
		free(l->spot[i].exe);
	}
	l->spot_n = n;
	renumber(l, to);
	free(to);
}

static void finish(struct load *l, const struct filter *f)
{
	int wanted = f->machine ? graph_find_machine(l->g, f->machine) : -1;

	l->narrow = f->machine || f->process || f->port;
	if (wanted >= 0)
		l->used[wanted] = true;
	drop_listeners(l);
	drop_spots(l);
	order_machines(l);
	order_spots(l);
	join_spots(l);
	dynamic_fold(l->g);
	order_edges(l->g);
	order_listeners(l->g);
	l->g->since = f->since;
	l->g->until = f->until;
}

static void load_fini(struct load *l)
{
	for (unsigned i = 0; i < l->spot_n; i++) {
		free(l->spot[i].name);
		free(l->spot[i].unit);
		free(l->spot[i].container);
		free(l->spot[i].exe);
	}
	free(l->spot);
	free(l->used);
	forget(&l->machines);
	forget(&l->spots);
	forget(&l->ips);
	buf_fini(&l->key);
}

struct graph *graph_load(struct store *s, const struct filter *f, struct err *e)
{
	static const struct filter all;
	struct load l = { .g = xcalloc(1, sizeof(*l.g)) };
	int rc = read_rows(&l, s, f ? f : &all, e);

	if (rc >= 0)
		finish(&l, f ? f : &all);
	load_fini(&l);
	if (rc >= 0)
		return l.g;
	graph_free(l.g);
	return NULL;
}
