/* SPDX-License-Identifier: Apache-2.0 */
/* Machines, listeners and health; edges are in query_edges.c. */
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/mark.h"
#include "store/known.h"

/* Machines */

struct held_address {
	int64_t machine;
	struct addr addr;
};

struct machines {
	struct known known;
	struct held_address *held; /* sorted, without doubles */
	size_t held_n;
	int64_t *first, *last; /* by index of known.machine */
};

static int by_holder(const void *a, const void *b)
{
	const struct held_address *x = a, *y = b;

	if (x->machine != y->machine)
		return x->machine < y->machine ? -1 : 1;
	return addr_cmp(&x->addr, &y->addr);
}

/* What machines list, and what they hold a lease on. */
static int load_held(struct store *s, struct machines *m, struct err *e)
{
	size_t cap = 0, kept = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT machine, address FROM machine_address UNION "
				    "SELECT l.machine, p.address FROM lease l "
				    "JOIN endpoint p ON p.id = l.endpoint "
				    "WHERE l.until_ms IS NULL",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct held_address h = { .machine = sqlite3_column_int64(st, 0) };

		if (!db_addr(st, 1, &h.addr) || addr_is_scoped(&h.addr) ||
		    addr_is_any(&h.addr))
			continue;
		MEM_GROW(m->held, m->held_n, cap);
		m->held[m->held_n++] = h;
	}
	if (m->held_n)
		qsort(m->held, m->held_n, sizeof(*m->held), by_holder);
	for (size_t i = 0; i < m->held_n; i++)
		if (!i || by_holder(&m->held[i - 1], &m->held[i]))
			m->held[kept++] = m->held[i];
	m->held_n = kept;
	return rc;
}

static void stretch(struct machines *m, int64_t endpoint, int64_t first, int64_t last)
{
	const struct known_endpoint *p = known_endpoint(&m->known, endpoint);
	size_t i;

	if (!p || !p->machine)
		return;
	i = (size_t)(p->machine - m->known.machine);
	if (first && (!m->first[i] || first < m->first[i]))
		m->first[i] = first;
	if (last > m->last[i])
		m->last[i] = last;
}

/* What machines say of themselves. */
static void described(struct machines *m)
{
	m->first = xcalloc(m->known.machine_n, sizeof(*m->first));
	m->last = xcalloc(m->known.machine_n, sizeof(*m->last));
	for (size_t i = 0; i < m->known.machine_n; i++) {
		m->first[i] = m->known.machine[i].first_ms / 1000;
		m->last[i] = m->known.machine[i].last_ms / 1000;
	}
}

static int load_seen(struct store *s, struct machines *m, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT e.client, e.server, t.first, t.last FROM edge e "
				    "JOIN fact_total t ON t.edge = e.id",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		int64_t first = sqlite3_column_int64(st, 2),
			last = sqlite3_column_int64(st, 3);

		stretch(m, sqlite3_column_int64(st, 0), first, last);
		stretch(m, sqlite3_column_int64(st, 1), first, last);
	}
	return rc;
}

/* The texts of one machine's addresses; the caller frees the array and its first element. */
static const char **texts_of(const struct machines *m, int64_t machine, unsigned *n)
{
	struct held_address from = { .machine = machine };
	size_t lo = 0, hi = m->held_n, end;
	const char **list;
	char *text;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (by_holder(&m->held[mid], &from) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < m->held_n && m->held[end].machine == machine;)
		end++;
	*n = (unsigned)(end - lo);
	list = xcalloc(*n + 1, sizeof(*list));
	text = xcalloc(*n + 1, ADDR_TEXT);
	list[0] = text;
	for (unsigned i = 0; i < *n; i++)
		list[i] = addr_text(&m->held[lo + i].addr, text + i * ADDR_TEXT);
	return list;
}

static bool named(const struct machine_row *r, const char *word)
{
	if (strcmp(r->id, word) == 0 || strcmp(r->name, word) == 0)
		return true;
	for (unsigned i = 0; i < r->ips_n; i++)
		if (strcmp(r->ips[i], word) == 0)
			return true;
	return false;
}

static int emit_machine(const struct machines *m, const struct known_machine *k,
			const struct filter *f, query_machine_fn *fn, void *ctx)
{
	size_t i = (size_t)(k - m->known.machine);
	struct machine_row r = { .id = k->ident,
				 .name = k->name,
				 .os = k->os,
				 .kernel = k->kernel,
				 .arch = k->arch,
				 .site = k->site,
				 .realm = k->realm,
				 .sensor = k->sensor,
				 .cores = k->cores,
				 .memory_bytes = k->memory,
				 .first = m->first[i],
				 .last = m->last[i],
				 .extra = k->extra,
				 .opens_seen = k->opens_seen,
				 .opens_kernel = k->opens_kernel,
				 .lost = k->lost,
				 .overflow = k->overflow,
				 .unnamed = k->unnamed,
				 .degraded = k->degraded,
				 .skew_ms = k->skew_ms };
	int rc = 0;

	r.ips = texts_of(m, k->id, &r.ips_n);
	if (!f->machine || named(&r, f->machine))
		rc = fn(&r, ctx);
	free((char *)r.ips[0]);
	free((void *)r.ips);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct known_machine *x = *(const struct known_machine *const *)a;
	const struct known_machine *y = *(const struct known_machine *const *)b;
	int d = strcmp(x->name, y->name);

	return d ? d : strcmp(x->ident, y->ident);
}

static int emit_machines(const struct machines *m, const struct filter *f,
			 query_machine_fn *fn, void *ctx)
{
	size_t n = m->known.machine_n;
	const struct known_machine **sorted = xcalloc(n, sizeof(*sorted));
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &m->known.machine[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n && !rc; i++)
		rc = emit_machine(m, sorted[i], f, fn, ctx);
	free(sorted);
	return rc;
}

int query_machines(struct store *s, const struct filter *f, query_machine_fn *fn, void *ctx,
		   struct err *e)
{
	struct machines m = { 0 };
	int rc = db_exec(s, e, "SAVEPOINT query");

	if (rc)
		return rc;
	rc = known_load(s, true, &m.known, e);
	if (!rc)
		rc = load_held(s, &m, e);
	described(&m);
	if (!rc && !f->undated)
		rc = load_seen(s, &m, e);
	db_exec(s, NULL, "RELEASE query");
	if (!rc)
		rc = emit_machines(&m, f, fn, ctx);
	free(m.held);
	free(m.first);
	free(m.last);
	known_fini(&m.known);
	return rc;
}

/* Listeners */

static bool listener_wanted(const struct filter *f, const struct listener_row *r)
{
	if (f->port && r->port != f->port)
		return false;
	if (f->process && strcmp(r->process.name, f->process) != 0)
		return false;
	if (f->machine && strcmp(r->machine, f->machine) != 0 &&
	    strcmp(r->machine_name, f->machine) != 0 && strcmp(r->ip, f->machine) != 0)
		return false;
	if (f->until && r->first >= f->until)
		return false;
	return !f->since || r->last >= f->since;
}

static int emit_listener(const struct filter *f, sqlite3_stmt *st, query_listener_fn *fn,
			 void *ctx)
{
	char ip[ADDR_TEXT] = "";
	struct addr a;
	struct listener_row r = { .machine = db_text(st, 0),
				  .machine_name = db_text(st, *db_text(st, 1) ? 1 : 0),
				  .process = { .name = db_text(st, 2),
					       .unit = db_text(st, 3),
					       .container = db_text(st, 4),
					       .exe = db_text(st, 5),
					       .user = db_text(st, 6),
					       .app = db_text(st, 7) },
				  .ip = ip,
				  .proto = (uint8_t)sqlite3_column_int(st, 8),
				  .port = (uint16_t)sqlite3_column_int(st, 9),
				  .first = sqlite3_column_int64(st, 11) / 1000,
				  .last = sqlite3_column_int64(st, 12) / 1000,
				  .current = sqlite3_column_int(st, 13) != 0 };

	if (db_addr(st, 10, &a))
		addr_text(&a, ip);
	return listener_wanted(f, &r) ? fn(&r, ctx) : 0;
}

int query_listeners(struct store *s, const struct filter *f, query_listener_fn *fn, void *ctx,
		    struct err *e)
{
	int rc, got = 0;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT m.ident, m.name, coalesce(p.name, ''), coalesce(p.unit, ''), "
		"coalesce(p.container, ''), l.exe, l.user, l.app, l.proto, l.port, l.address, "
		"l.first_ms, l.last_ms, l.last_ms >= m.last_ms FROM listener l "
		"JOIN machine m ON m.id = l.machine LEFT JOIN process p ON p.id = l.process "
		"ORDER BY iif(m.name = '', m.ident, m.name), m.ident, l.port, l.address, "
		"p.name, p.unit, p.container, l.proto",
		DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0 && !got)
		got = emit_listener(f, st, fn, ctx);
	db_done(st);
	return rc < 0 ? rc : got;
}

/* Health */

int query_health(struct store *s, struct health *out, struct err *e)
{
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT count(sensor.id), total(records), total(quarantined), "
			 "total(rejected), total(lost), total(overflow), t.first, t.last, "
			 "(SELECT value FROM mark WHERE word = ?) "
			 "FROM (SELECT min(iif(first > 0, first, NULL)) AS first, "
			 "max(last) AS last FROM fact_total) t LEFT JOIN sensor "
			 "ON records + quarantined + rejected > 0",
			 DB(T(MARK_LATE)));
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	memset(out, 0, sizeof(*out));
	if (rc <= 0)
		return rc;
	out->sensors = (uint64_t)sqlite3_column_int64(st, 0);
	out->records = (uint64_t)sqlite3_column_int64(st, 1);
	out->quarantined = (uint64_t)sqlite3_column_int64(st, 2);
	out->rejected = (uint64_t)sqlite3_column_int64(st, 3);
	out->lost = (uint64_t)sqlite3_column_int64(st, 4);
	out->overflow = (uint64_t)sqlite3_column_int64(st, 5);
	out->first = sqlite3_column_int64(st, 6);
	out->last = sqlite3_column_int64(st, 7);
	out->late = (uint64_t)sqlite3_column_int64(st, 8);
	db_done(st);
	return 0;
}
