/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/dynamic.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	FTP = 21,
	FTPS = 990,
	LEAST_PORT = 1024,
	OWN_CALLERS = 2, /* the median in a range of somebody's own */
	STANDS_OUT = 5,	 /* callers at least, and times the median */
};

struct call {
	unsigned process;
	uint16_t port;
	uint8_t proto;
	unsigned client; /* machine */
};

/* One port of one process, and the machines that call it. */
struct served {
	unsigned process;
	uint16_t port;
	uint8_t proto;
	unsigned callers;
};

/* A port that folds, for every process of its machine. */
struct folded {
	unsigned machine;
	uint16_t port;
	uint8_t proto;
};

struct work {
	const struct graph *g;
	bool *ftp; /* by process */
	struct call *call;
	struct served *served;
	struct folded *folded;
	size_t call_n, call_cap, served_n, served_cap, folded_n, folded_cap;
};

static bool succeeded(const struct graph_edge *e)
{
	return e->c.opens > counters_failed(&e->c);
}

static bool counts(const struct work *w, const struct graph_edge *e)
{
	return e->port >= (w->ftp[e->server] ? LEAST_PORT : DYNAMIC_FIRST) && succeeded(e);
}

static void find_ftp(struct work *w)
{
	const struct graph *g = w->g;

	w->ftp = xcalloc(g->process_n, sizeof(*w->ftp));
	for (const struct graph_edge *e = g->edge; e < g->edge + g->edge_n; e++)
		if (e->proto == PROTO_TCP && (e->port == FTP || e->port == FTPS) &&
		    *g->process[e->server].name && succeeded(e))
			w->ftp[e->server] = true;
}

/* Calls of the processes that serve more than one port: most serve one, and are done with. */
static void find_calls(struct work *w)
{
	const struct graph *g = w->g;
	uint16_t *first = xcalloc(g->process_n, sizeof(*first));
	bool *several = xcalloc(g->process_n, sizeof(*several));

	for (const struct graph_edge *e = g->edge; e < g->edge + g->edge_n; e++) {
		if (!counts(w, e))
			continue;
		several[e->server] |= first[e->server] && first[e->server] != e->port;
		first[e->server] = e->port;
	}
	for (const struct graph_edge *e = g->edge; e < g->edge + g->edge_n; e++) {
		if (!several[e->server] || !counts(w, e))
			continue;
		MEM_GROW(w->call, w->call_n, w->call_cap);
		w->call[w->call_n++] = (struct call){ e->server, e->port, e->proto,
						      g->process[e->client].machine };
	}
	free(first);
	free(several);
}

static int num_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_call(const void *pa, const void *pb)
{
	const struct call *a = pa, *b = pb;
	int d = num_cmp(a->process, b->process);

	d = d ? d : num_cmp(a->proto, b->proto);
	d = d ? d : num_cmp(a->port, b->port);
	return d ? d : num_cmp(a->client, b->client);
}

static void count_callers(struct work *w)
{
	if (w->call_n)
		qsort(w->call, w->call_n, sizeof(*w->call), by_call);
	for (size_t i = 0; i < w->call_n; i++) {
		const struct call *c = &w->call[i], *last = c - 1;

		if (i && !by_call(last, c))
			continue;
		if (i && last->process == c->process && last->proto == c->proto &&
		    last->port == c->port) {
			w->served[w->served_n - 1].callers++;
			continue;
		}
		MEM_GROW(w->served, w->served_n, w->served_cap);
		w->served[w->served_n++] = (struct served){ c->process, c->port, c->proto, 1 };
	}
}

static int by_number(const void *a, const void *b)
{
	return num_cmp(*(const unsigned *)a, *(const unsigned *)b);
}

static unsigned median(const struct served *s, size_t n)
{
	unsigned *list = xcalloc(n, sizeof(*list)), m;

	for (size_t i = 0; i < n; i++)
		list[i] = s[i].callers;
	qsort(list, n, sizeof(*list), by_number);
	m = list[n / 2];
	free(list);
	return m;
}

static bool stands_out(const struct served *s, unsigned usual)
{
	return s->callers >= STANDS_OUT && s->callers >= STANDS_OUT * usual;
}

/* N ports of one process in one range, by number. */
static void fold_range(struct work *w, const struct served *s, size_t n, bool own)
{
	unsigned usual = n ? median(s, n) : 0;
	size_t like = 0;

	for (size_t i = 0; i < n; i++)
		like += !stands_out(&s[i], usual);
	if (like < (own ? DYNAMIC_OWN : DYNAMIC_PORTS) || (own && usual > OWN_CALLERS))
		return;
	for (size_t i = 0; i < n; i++) {
		if (stands_out(&s[i], usual))
			continue;
		MEM_GROW(w->folded, w->folded_n, w->folded_cap);
		w->folded[w->folded_n++] =
			(struct folded){ w->g->process[s[i].process].machine, s[i].port,
					 s[i].proto };
	}
}

static bool one_range(const struct served *a, const struct served *b)
{
	return a->process == b->process && a->proto == b->proto &&
	       (a->port < DYNAMIC_FIRST) == (b->port < DYNAMIC_FIRST);
}

static void find_folded(struct work *w)
{
	for (size_t i = 0, next; i < w->served_n; i = next) {
		for (next = i + 1;
		     next < w->served_n && one_range(&w->served[i], &w->served[next]); next++)
			;
		fold_range(w, &w->served[i], next - i, w->served[i].port < DYNAMIC_FIRST);
	}
}

static int by_place(const void *pa, const void *pb)
{
	const struct folded *a = pa, *b = pb;
	int d = num_cmp(a->machine, b->machine);

	d = d ? d : num_cmp(a->proto, b->proto);
	return d ? d : num_cmp(a->port, b->port);
}

static bool folds(const struct work *w, unsigned process, uint8_t proto, uint16_t port)
{
	struct folded key = { w->g->process[process].machine, port, proto };

	return bsearch(&key, w->folded, w->folded_n, sizeof(key), by_place);
}

void dynamic_fold(struct graph *g)
{
	struct work w = { .g = g };

	find_ftp(&w);
	find_calls(&w);
	count_callers(&w);
	find_folded(&w);
	if (w.folded_n) {
		qsort(w.folded, w.folded_n, sizeof(*w.folded), by_place);
		for (unsigned i = 0; i < g->edge_n; i++)
			if (folds(&w, g->edge[i].server, g->edge[i].proto, g->edge[i].port))
				g->edge[i].port = 0;
		for (unsigned i = 0; i < g->listener_n; i++)
			if (folds(&w, g->listener[i].process, g->listener[i].proto,
				  g->listener[i].port))
				g->listener[i].port = 0;
	}
	free(w.ftp);
	free(w.call);
	free(w.served);
	free(w.folded);
}
