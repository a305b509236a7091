/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/retell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

struct known {
	UT_hash_handle hh;
	struct addr addr; /* the first that means something elsewhere; any: there is none */
	char id[];
};

struct retell {
	bool host;
	struct known *machines;
	bool needs_all;
	int64_t newest; /* Unix seconds; 0: no line has a time */
	int64_t shift_ms;
	/* Role host: whom it tells of. */
	bool own, own_watched, only;
	char own_id[NAME_LEN + 1];
	struct addr own_addr[MACHINE_ADDRS];
	unsigned own_n;
};

struct retell *retell_new(bool host)
{
	struct retell *r = xcalloc(1, sizeof(*r));

	r->host = host;
	return r;
}

void retell_free(struct retell *r)
{
	struct known *k, *next;

	if (!r)
		return;
	HASH_ITER (hh, r->machines, k, next) {
		HASH_DELETE(hh, r->machines, k);
		free(k);
	}
	free(r);
}

/* Learning */

static struct known *find(const struct retell *r, const char *id)
{
	struct known *k = NULL;
	size_t n = strlen(id);

	if (n)
		HASH_FIND(hh, r->machines, id, n, k);
	return k;
}

static struct known *make(struct retell *r, const char *id)
{
	struct known *k = find(r, id);
	size_t n = strlen(id);

	if (k || HASH_COUNT(r->machines) >= RETELL_MACHINES)
		return k;
	k = xcalloc(1, sizeof(*k) + n + 1);
	memcpy(k->id, id, n);
	HASH_ADD_KEYPTR(hh, r->machines, k->id, n, k);
	return k;
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Sorted, as many as a record holds; their number. */
static unsigned addresses(const struct exchange_machine *m, struct addr out[MACHINE_ADDRS])
{
	unsigned n = 0;

	for (size_t i = 0; i < m->ips_n && n < MACHINE_ADDRS; i++)
		n += addr_parse(m->ips[i], &out[n]) == 0;
	if (n)
		qsort(out, n, sizeof(*out), by_addr);
	return n;
}

static void take_own(struct retell *r, const struct exchange_machine *m)
{
	if (r->own && (r->own_watched || !m->sensor)) {
		r->only = r->only && strcmp(r->own_id, m->id) == 0;
		return;
	}
	r->only = !r->own;
	r->own = true;
	r->own_watched = m->sensor;
	strncpy(r->own_id, m->id, sizeof(r->own_id) - 1);
	r->own_n = addresses(m, r->own_addr);
}

void retell_learn_machine(struct retell *r, const struct exchange_machine *m)
{
	struct known *k = make(r, m->id);
	static const struct addr any;
	struct addr a;

	if (r->host)
		take_own(r, m);
	for (size_t i = 0; k && i < m->ips_n && addr_eq(&k->addr, &any); i++)
		if (addr_parse(m->ips[i], &a) == 0 && !addr_is_scoped(&a) && !addr_is_any(&a))
			k->addr = a;
}

static bool means_something(const struct exchange_end *end)
{
	struct addr a;

	return *end->ip && addr_parse(end->ip, &a) == 0 && !addr_is_scoped(&a);
}

void retell_learn_flow(struct retell *r, const struct exchange_flow *f)
{
	if (f->last > r->newest)
		r->newest = f->last;
	if (r->host || !f->last || !means_something(&f->client) ||
	    !means_something(&f->server))
		r->needs_all = true;
}

bool retell_needs_all(const struct retell *r)
{
	return r->needs_all;
}

int64_t retell_shift(const struct retell *r, uint64_t now_ms)
{
	return r->newest ? (int64_t)now_ms - r->newest * 1000 : (int64_t)now_ms;
}

void retell_set_shift(struct retell *r, int64_t shift_ms)
{
	r->shift_ms = shift_ms;
}

/* Telling */

/* Without a watch of its own among several it is nobody's. */
static bool has_own(const struct retell *r)
{
	return r->own && (r->own_watched || r->only);
}

static bool is_own(const struct retell *r, const struct addr *a)
{
	return has_own(r) && bsearch(a, r->own_addr, r->own_n, sizeof(*a), by_addr);
}

int retell_machine(struct retell *r, const struct exchange_machine *m, struct machine *out,
		   struct err *e)
{
	(void)e;
	if (r->host && (!has_own(r) || strcmp(m->id, r->own_id) != 0))
		return 0;
	*out = (struct machine){ .id = m->id,
				 .name = m->name,
				 .os = m->os,
				 .kernel = m->kernel,
				 .arch = m->arch,
				 .cores = (uint32_t)m->cores,
				 .memory_bytes = m->memory_bytes,
				 .extra = strlen(m->extra) <= EXTRA_LEN ? m->extra : "" };
	out->addrs_n = addresses(m, out->addrs);
	return 1;
}

static int end_of(const struct retell *r, const struct exchange_end *end, const char *which,
		  struct addr *out, struct err *e)
{
	static const struct addr any;
	const struct known *k;
	bool there = *end->ip && addr_parse(end->ip, out) == 0 && !addr_is_any(out);

	if (there && (r->host || !addr_is_scoped(out)))
		return 0;
	k = find(r, end->id);
	if (k && !addr_eq(&k->addr, &any)) {
		*out = k->addr;
		return 0;
	}
	return there ? 0
		     : err_set(e, -EINVAL, "no address is known of the %s, %.60s", which,
			       *end->id ? end->id : "without an id");
}

static uint64_t moved(const struct retell *r, int64_t seconds)
{
	int64_t ms = (seconds ? seconds : r->newest) * 1000 + r->shift_ms;

	return ms > 0 ? (uint64_t)ms : 0;
}

static uint32_t gauge(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* The side of a host's sensor; WITNESS_NONE: neither end is its own. */
static enum witness side_of(const struct retell *r, const struct flow *f)
{
	if (!r->host)
		return WITNESS_MIRROR;
	if (!has_own(r))
		return WITNESS_NONE;
	if (is_own(r, &f->client) || addr_is_scoped(&f->client))
		return WITNESS_CLIENT;
	return is_own(r, &f->server) ? WITNESS_SERVER : WITNESS_NONE;
}

static const struct process *known_process(const struct process *p)
{
	return *p->name || *p->exe || *p->unit || *p->container || *p->user || *p->app ? p
										       : NULL;
}

int retell_flow(struct retell *r, const struct exchange_flow *f, struct flow *out,
		struct err *e)
{
	int rc;

	*out = (struct flow){ .proto = f->proto,
			      .port = f->port,
			      .client_process = known_process(&f->client.process),
			      .server_process = known_process(&f->server.process),
			      .first_ms = moved(r, f->first),
			      .last_ms = moved(r, f->last),
			      .c = f->c,
			      .live = gauge(f->live),
			      .pending = gauge(f->pending) };
	rc = end_of(r, &f->client, "client", &out->client, e);
	if (!rc)
		rc = end_of(r, &f->server, "server", &out->server, e);
	if (rc)
		return rc;
	out->c.failed_other = f->failed - counters_failed(&f->c);
	out->minute = out->last_ms / 60000;
	out->witness = side_of(r, out);
	return out->witness != WITNESS_NONE;
}
