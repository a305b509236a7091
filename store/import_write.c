/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import_write.h"

#include <stdlib.h>
#include <string.h>

#include "store/conv.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/machine.h"
#include "store/span.h"

struct writer {
	struct store *s;
	struct lines *lines;
	int64_t source, now_ms;
};

/* Machines: what its own sensor says stays; else the words of this source win. */

static int by_addrs(const struct lines_machine *x, const struct lines_machine *y)
{
	for (unsigned i = 0; i < x->addrs_n && i < y->addrs_n; i++)
		if (!addr_eq(&x->addrs[i], &y->addrs[i]))
			return addr_cmp(&x->addrs[i], &y->addrs[i]);
	return (x->addrs_n > y->addrs_n) - (x->addrs_n < y->addrs_n);
}

static int by_machine(const void *a, const void *b)
{
	const struct lines_machine *x = a, *y = b;
	int d = strcmp(x->id, y->id);

	d = d ? d : strcmp(x->name, y->name);
	d = d ? d : strcmp(x->os, y->os);
	d = d ? d : strcmp(x->kernel, y->kernel);
	d = d ? d : strcmp(x->arch, y->arch);
	d = d ? d : strcmp(x->site, y->site);
	d = d ? d : strcmp(x->extra, y->extra);
	d = d ? d : (x->cores > y->cores) - (x->cores < y->cores);
	d = d ? d : (x->memory_bytes > y->memory_bytes) - (x->memory_bytes < y->memory_bytes);
	return d ? d : by_addrs(x, y);
}

static int set_machine(struct writer *w, int64_t id, const struct lines_machine *m,
		       struct err *e)
{
	char name[NAME_LEN + 1], os[NAME_LEN + 1], kernel[NAME_LEN + 1], arch[NAME_LEN + 1],
		site[NAME_LEN + 1];

	return db_run(w->s, e,
		      "UPDATE machine SET "
		      "name = iif(?1 = '' OR (sensor != 0 AND name != ''), name, ?1), "
		      "os = iif(?2 = '' OR (sensor != 0 AND os != ''), os, ?2), "
		      "kernel = iif(?3 = '' OR (sensor != 0 AND kernel != ''), kernel, ?3), "
		      "arch = iif(?4 = '' OR (sensor != 0 AND arch != ''), arch, ?4), "
		      "site = iif(?5 = '', site, ?5), "
		      "cores = iif(?6 = 0 OR (sensor != 0 AND cores != 0), cores, ?6), "
		      "memory = iif(?7 = 0 OR (sensor != 0 AND memory != 0), memory, ?7), "
		      "watched = max(watched, ?8), extra = iif(?9 = '', extra, ?9) "
		      "WHERE id = ?10",
		      DB(T(dict_clean(m->name, name, sizeof(name))),
			 T(dict_clean(m->os, os, sizeof(os))),
			 T(dict_clean(m->kernel, kernel, sizeof(kernel))),
			 T(dict_clean(m->arch, arch, sizeof(arch))),
			 T(dict_clean(m->site, site, sizeof(site))), I(m->cores),
			 I(m->memory_bytes), I(m->sensor), T(m->extra), I(id)));
}

/* An address that nobody holds becomes the machine's. */
static int hold(struct writer *w, int64_t machine, const struct addr *a, struct err *e)
{
	int64_t realm = addr_is_scoped(a) ? dict_realm_machine(machine) : 0;
	struct endpoint *p;
	int rc = dict_endpoint(w->s, realm, a, &p, e);

	return rc || p->machine ? rc : machine_lease(w->s, p, machine, w->now_ms, e);
}

/* What a sensor lists are its rights: a file does not widen them. */
static int list_address(struct writer *w, int64_t machine, const struct addr *a, struct err *e)
{
	int64_t sensor;
	int rc = machine_sensor(w->s, machine, &sensor, e);

	return rc || sensor ? rc : machine_list_address(w->s, machine, a, false, e);
}

static int write_machine(struct writer *w, const struct lines_machine *m, struct err *e)
{
	int64_t id;
	int rc = machine_make(w->s, m->id, &id, e);

	if (!rc)
		rc = set_machine(w, id, m, e);
	for (unsigned i = 0; i < m->addrs_n && !rc; i++) {
		if (addr_is_any(&m->addrs[i]))
			continue;
		rc = list_address(w, id, &m->addrs[i], e);
		if (!rc)
			rc = hold(w, id, &m->addrs[i], e);
	}
	return rc;
}

static int write_machines(struct writer *w, struct err *e)
{
	struct lines *l = w->lines;
	int rc = 0;

	if (l->machine_n)
		qsort(l->machine, l->machine_n, sizeof(*l->machine), by_machine);
	for (size_t i = 0; i < l->machine_n && !rc; i++)
		rc = write_machine(w, &l->machine[i], e);
	return rc;
}

/* Ends */

static bool has_address(const struct lines_end *end)
{
	return !addr_is_any(&end->key.addr);
}

/*
 * With a machine's id the address is that machine's, whoever else holds it: in the common
 * realm if nobody else does, else in a realm of the machine, where also "no address" is.
 */
static int machine_end(struct writer *w, struct lines_end *end, struct err *e)
{
	const struct addr *a = &end->key.addr;
	int rc = 0;

	if (has_address(end) && !addr_is_scoped(a)) {
		rc = list_address(w, end->machine, a, e);
		if (!rc)
			rc = hold(w, end->machine, a, e);
		if (!rc)
			rc = dict_endpoint(w->s, 0, a, &end->endpoint, e);
		if (rc || end->endpoint->machine == end->machine)
			return rc;
	}
	rc = dict_endpoint(w->s, dict_realm_machine(end->machine), a, &end->endpoint, e);
	return rc ? rc : machine_lease(w->s, end->endpoint, end->machine, w->now_ms, e);
}

static int write_ends(struct writer *w, struct err *e)
{
	size_t n;
	struct lines_end **list = lines_sorted_ends(w->lines, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct lines_end *end = list[i];

		if (*end->key.id) {
			rc = machine_make(w->s, end->key.id, &end->machine, e);
			if (!rc)
				rc = machine_end(w, end, e);
		} else if (!addr_is_scoped(&end->key.addr)) {
			rc = dict_endpoint(w->s, 0, &end->key.addr, &end->endpoint, e);
		}
	}
	free(list);
	return rc;
}

static int write_processes(struct writer *w, struct err *e)
{
	size_t n;
	struct lines_process **list = lines_sorted_processes(w->lines, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = dict_process(w->s, &list[i]->key, &list[i]->id, e);
	free(list);
	return rc;
}

/* Flows */

/* A scoped address without an id is on the machine of the other end, if that has one. */
static int endpoint_of(struct writer *w, struct lines_flow *f, int side, struct err *e)
{
	const struct lines_end *end = f->end[side], *other = f->end[!side];
	int rc;

	f->endpoint[side] = end->endpoint;
	if (end->endpoint)
		return 0;
	if (!other->machine)
		return dict_endpoint(w->s, dict_realm_source(w->source), &end->key.addr,
				     &f->endpoint[side], e);
	rc = dict_endpoint(w->s, dict_realm_machine(other->machine), &end->key.addr,
			   &f->endpoint[side], e);
	if (rc || !addr_is_loopback(&end->key.addr))
		return rc;
	return machine_lease(w->s, f->endpoint[side], other->machine, w->now_ms, e);
}

static int resolve(struct writer *w, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < w->lines->flow_n && !rc; i++) {
		struct lines_flow *f = &w->lines->flow[i];

		for (int side = 0; side < 2 && !rc; side++) {
			rc = endpoint_of(w, f, side, e);
			if (!rc)
				rc = dict_detail(w->s, f->endpoint[side]->id,
						 f->process[side]->id, &f->process[side]->key,
						 DICT_GREATEST, e);
		}
	}
	return rc;
}

static int by_number(int64_t x, int64_t y)
{
	return (x > y) - (x < y);
}

static int by_conversation(const struct lines_flow *x, const struct lines_flow *y)
{
	int d = by_number(x->endpoint[0]->id, y->endpoint[0]->id);

	d = d ? d : by_number(x->endpoint[1]->id, y->endpoint[1]->id);
	d = d ? d : (int)x->port - (int)y->port;
	return d ? d : (int)x->proto - (int)y->proto;
}

static int by_claim(const void *a, const void *b)
{
	const struct lines_flow *x = a, *y = b;
	int d = by_conversation(x, y);

	d = d ? d : by_number(x->witnesses, y->witnesses);
	d = d ? d : by_number(x->process[0]->id, y->process[0]->id);
	d = d ? d : by_number(x->process[1]->id, y->process[1]->id);
	d = d ? d : by_number(x->first, y->first);
	return d ? d : by_number(x->last, y->last);
}

/* Of several lines the latest ones tell what is live; the run of the claim is their time. */
static void gauge(struct claim *c, const struct lines_flow *f)
{
	if (f->last > c->run || !c->run) {
		c->live = c->pending = 0;
		c->run = f->last;
	}
	if (f->last == c->run) {
		c->live += f->live;
		c->pending += f->pending;
	}
	c->opens += (uint64_t)f->amounts.opens;
}

static int make_claims(struct writer *w, struct conv *v, struct lines_flow *f, size_t n,
		       struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct claim *c,
			want = { .origin = -w->source,
				 .witnesses = f[i].witnesses,
				 .process = { f[i].process[0]->id, f[i].process[1]->id } };
		int rc = conv_claim(w->s, v, &want, &c, e);

		if (rc < 0)
			return rc;
		f[i].claim = (unsigned)(c - v->claims);
		gauge(c, &f[i]);
	}
	return edge_pair(w->s, v, e);
}

static bool same_span(const struct lines_flow *a, const struct lines_flow *b)
{
	return a->claim == b->claim && a->first == b->first && a->last == b->last;
}

/* Equal lines add up. */
static int make_spans(struct writer *w, struct conv *v, const struct lines_flow *f, size_t n,
		      bool alone, struct err *e)
{
	int rc = 0;

	for (size_t i = 0, next; i < n && !rc; i = next) {
		const struct claim *c = &v->claims[f[i].claim];
		struct amounts sum = f[i].amounts;

		for (next = i + 1; next < n && same_span(&f[i], &f[next]); next++)
			amount_add(&sum, &f[next].amounts);
		rc = span_add(w->s, c, f[i].first, f[i].last, &sum, alone, e);
		for (size_t j = i; j < next && !rc; j++)
			if (*f[j].extra)
				rc = edge_extra(w->s, c->edge, f[j].extra, e);
	}
	return rc || alone ? rc : span_settle(w->s, v, e);
}

/* True if no other source speaks of this conversation. */
static bool only_source(const struct writer *w, const struct conv *v)
{
	for (unsigned i = 0; i < v->claims_n; i++)
		if (v->claims[i].origin < 0 && v->claims[i].origin != -w->source)
			return false;
	return true;
}

static int write_conversation(struct writer *w, struct lines_flow *f, size_t n, struct err *e)
{
	struct conv_key key = conv_key(f->endpoint[0], f->endpoint[1], 0, f->port, f->proto);
	struct conv *v;
	int rc = conv_get(w->s, &key, &v, e);

	if (!rc)
		rc = make_claims(w, v, f, n, e);
	if (!rc)
		rc = make_spans(w, v, f, n, only_source(w, v), e);
	if (!rc)
		conv_drop(w->s, v);
	return rc;
}

static int write_flows(struct writer *w, struct err *e)
{
	struct lines_flow *f = w->lines->flow;
	size_t n = w->lines->flow_n;
	int rc = 0;

	if (n)
		qsort(f, n, sizeof(*f), by_claim);
	for (size_t i = 0, next; i < n && !rc; i = next) {
		for (next = i + 1; next < n && by_conversation(&f[i], &f[next]) == 0; next++)
			;
		rc = write_conversation(w, f + i, next - i, e);
	}
	return rc;
}

int import_write(struct store *s, struct lines *l, int64_t source, int64_t now_ms,
		 struct err *e)
{
	struct writer w = { s, l, source, now_ms };
	int rc = write_machines(&w, e);

	if (!rc)
		rc = write_ends(&w, e);
	if (!rc)
		rc = write_processes(&w, e);
	if (!rc)
		rc = resolve(&w, e);
	return rc ? rc : write_flows(&w, e);
}
