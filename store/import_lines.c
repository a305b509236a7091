/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/machine.h"

struct lines_word {
	UT_hash_handle hh;
	char text[];
};

static const char *word(struct lines *l, const char *text)
{
	struct lines_word *w;
	size_t n = strlen(text);

	if (!n)
		return "";
	HASH_FIND(hh, l->words, text, n, w);
	if (!w) {
		w = xcalloc(1, sizeof(*w) + n + 1);
		memcpy(w->text, text, n);
		HASH_ADD_KEYPTR(hh, l->words, w->text, n, w);
	}
	return w->text;
}

/* Machines */

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static int read_addrs(const struct import_machine *m, struct addr *out, struct err *e)
{
	for (unsigned i = 0; i < m->ips_n; i++)
		if (addr_parse(m->ips[i], &out[i]))
			return err_set(e, -EINVAL, "\"%s\" is no address", m->ips[i]);
	if (m->ips_n)
		qsort(out, m->ips_n, sizeof(*out), by_addr);
	return 0;
}

static int check_ident(const char *id, struct err *e)
{
	if (strlen(id) > IDENT_LEN)
		return err_set(e, -EINVAL, "a machine's id is longer than %d bytes",
			       IDENT_LEN);
	return 0;
}

int lines_add_machine(struct lines *l, const struct import_machine *m, struct err *e)
{
	struct addr *addrs;
	int rc = *m->id ? check_ident(m->id, e) : err_set(e, -EINVAL, "a machine without id");

	if (rc)
		return rc;
	addrs = xcalloc(m->ips_n, sizeof(*addrs));
	rc = read_addrs(m, addrs, e);
	if (rc) {
		free(addrs);
		return rc;
	}
	MEM_GROW(l->machine, l->machine_n, l->machine_cap);
	l->machine[l->machine_n++] = (struct lines_machine){ .id = word(l, m->id),
							     .name = word(l, m->name),
							     .os = word(l, m->os),
							     .kernel = word(l, m->kernel),
							     .arch = word(l, m->arch),
							     .site = word(l, m->site),
							     .extra = word(l, m->extra),
							     .cores = m->cores,
							     .memory_bytes = m->memory_bytes,
							     .sensor = m->sensor,
							     .addrs = addrs,
							     .addrs_n = m->ips_n };
	return 0;
}

/* Flows */

static int find_end(struct lines *l, const char *id, const char *ip, struct lines_end **out,
		    struct err *e)
{
	struct lines_end want = { 0 };
	struct lines_end *end;
	int rc = check_ident(id, e);

	if (rc)
		return rc;
	if (!*id && !*ip)
		return err_set(e, -EINVAL, "an end has neither machine nor address");
	if (*ip && (addr_parse(ip, &want.key.addr) || addr_is_any(&want.key.addr)))
		return err_set(e, -EINVAL, "\"%s\" is no address of an end", ip);
	want.key.id = word(l, id);
	HASH_FIND(hh, l->ends, &want.key, sizeof(want.key), end);
	if (!end) {
		end = xmalloc(sizeof(*end));
		*end = want;
		HASH_ADD(hh, l->ends, key, sizeof(end->key), end);
	}
	*out = end;
	return 0;
}

static struct lines_process *find_process(struct lines *l, const struct process *p)
{
	struct process key = { word(l, p->name), word(l, p->unit), word(l, p->container),
			       word(l, p->exe),	 word(l, p->user), word(l, p->app) };
	struct lines_process *q;

	HASH_FIND(hh, l->processes, &key, sizeof(key), q);
	if (!q) {
		q = xcalloc(1, sizeof(*q));
		q->key = key;
		HASH_ADD(hh, l->processes, key, sizeof(q->key), q);
	}
	return q;
}

static int check_flow(const struct import_flow *f, struct err *e)
{
	if (!amount_sane(&f->c) || f->live > AMOUNT_MAX || f->pending > AMOUNT_MAX)
		return err_set(e, -EINVAL, "a number is too large");
	if (f->first < 0 || f->last < 0 || f->first > INT64_MAX / 1000 ||
	    f->last > INT64_MAX / 1000)
		return err_set(e, -EINVAL, "\"first\" or \"last\" is no time");
	if (f->first && f->last && f->last < f->first)
		return err_set(e, -EINVAL, "\"last\" is before \"first\"");
	return 0;
}

int lines_add_flow(struct lines *l, const struct import_flow *f, struct err *e)
{
	struct lines_end *client, *server;
	int rc = check_flow(f, e);

	if (!rc)
		rc = find_end(l, f->client_id, f->client_ip, &client, e);
	if (!rc)
		rc = find_end(l, f->server_id, f->server_ip, &server, e);
	if (rc)
		return rc;
	MEM_GROW(l->flow, l->flow_n, l->flow_cap);
	l->flow[l->flow_n++] =
		(struct lines_flow){ .end = { client, server },
				     .process = { find_process(l, &f->client),
						  find_process(l, &f->server) },
				     .proto = f->proto,
				     .port = f->port,
				     .witnesses = f->witnesses | 1u << WITNESS_IMPORT,
				     .amounts = amount_of(&f->c),
				     .live = f->live,
				     .pending = f->pending,
				     .first = f->first ? f->first : f->last,
				     .last = f->last ? f->last : f->first,
				     .extra = word(l, f->extra) };
	return 0;
}

/* Orders */

static int by_end(const void *a, const void *b)
{
	const struct lines_end *x = *(struct lines_end *const *)a;
	const struct lines_end *y = *(struct lines_end *const *)b;
	int d = strcmp(x->key.id, y->key.id);

	return d ? d : addr_cmp(&x->key.addr, &y->key.addr);
}

struct lines_end **lines_sorted_ends(const struct lines *l, size_t *n)
{
	struct lines_end **list = xcalloc(HASH_COUNT(l->ends), sizeof(*list)), *p;

	*n = 0;
	for (p = l->ends; p; p = p->hh.next)
		list[(*n)++] = p;
	qsort(list, *n, sizeof(*list), by_end);
	return list;
}

static int by_words(const void *a, const void *b)
{
	const struct process *x = &(*(struct lines_process *const *)a)->key;
	const struct process *y = &(*(struct lines_process *const *)b)->key;
	int d = strcmp(x->name, y->name);

	d = d ? d : strcmp(x->unit, y->unit);
	d = d ? d : strcmp(x->container, y->container);
	d = d ? d : strcmp(x->exe, y->exe);
	d = d ? d : strcmp(x->user, y->user);
	return d ? d : strcmp(x->app, y->app);
}

struct lines_process **lines_sorted_processes(const struct lines *l, size_t *n)
{
	struct lines_process **list = xcalloc(HASH_COUNT(l->processes), sizeof(*list)), *p;

	*n = 0;
	for (p = l->processes; p; p = p->hh.next)
		list[(*n)++] = p;
	qsort(list, *n, sizeof(*list), by_words);
	return list;
}

void lines_fini(struct lines *l)
{
	struct lines_process *p, *p_next;
	struct lines_word *w, *w_next;
	struct lines_end *d, *d_next;

	HASH_ITER (hh, l->ends, d, d_next) {
		HASH_DEL(l->ends, d);
		free(d);
	}
	HASH_ITER (hh, l->processes, p, p_next) {
		HASH_DEL(l->processes, p);
		free(p);
	}
	for (size_t i = 0; i < l->machine_n; i++)
		free(l->machine[i].addrs);
	free(l->machine);
	free(l->flow);
	HASH_ITER (hh, l->words, w, w_next) {
		HASH_DEL(l->words, w);
		free(w);
	}
	memset(l, 0, sizeof(*l));
}
