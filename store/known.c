/* SPDX-License-Identifier: Apache-2.0 */
#include "store/known.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/dict.h"

/* Every array is read in the order of its key, so that it can be searched. */

static char *copy(sqlite3_stmt *st, int column)
{
	return xstrdup(db_text(st, column));
}

static int load_machines(struct store *s, struct known *k, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT m.id, ident, m.name, os, m.kernel, arch, site, "
		/* what the sensor says goes before what an import once said */
		"iif(inventory = '', extra, "
		"json_patch(iif(json_valid(extra), extra, '{}'), inventory)), "
		"cores, memory, sensor != 0 OR watched, m.first_ms, m.last_ms, "
		"c.seen, c.counted, s.lost, s.overflow, s.unnamed, s.degraded, s.skew_ms, "
		"coalesce((SELECT r.name FROM realm r WHERE r.id = s.realm), '') "
		"FROM machine m LEFT JOIN sensor s ON s.id = m.sensor AND m.sensor != 0 "
		/* what one namespace has too much makes up for nothing in another */
		"LEFT JOIN (SELECT sensor AS of, total(min(active_seen, active_kernel) + "
		"min(passive_seen, passive_kernel)) AS seen, "
		"total(active_kernel + passive_kernel) AS counted FROM capture GROUP BY sensor) c "
		"ON c.of = s.id ORDER BY m.id",
		DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct known_machine *m;

		MEM_GROW(k->machine, k->machine_n, cap);
		m = &k->machine[k->machine_n++];
		*m = (struct known_machine){
			.id = sqlite3_column_int64(st, 0),
			.ident = copy(st, 1),
			.name = copy(st, *db_text(st, 2) ? 2 : 1),
			.os = copy(st, 3),
			.kernel = copy(st, 4),
			.arch = copy(st, 5),
			.site = copy(st, 6),
			.extra = copy(st, 7),
			.cores = (uint32_t)sqlite3_column_int64(st, 8),
			.memory = (uint64_t)sqlite3_column_int64(st, 9),
			.sensor = sqlite3_column_int(st, 10) != 0,
			.first_ms = sqlite3_column_int64(st, 11),
			.last_ms = sqlite3_column_int64(st, 12),
			.opens_seen = (uint64_t)sqlite3_column_int64(st, 13),
			.opens_kernel = (uint64_t)sqlite3_column_int64(st, 14),
			.lost = (uint64_t)sqlite3_column_int64(st, 15),
			.overflow = (uint64_t)sqlite3_column_int64(st, 16),
			.unnamed = (uint64_t)sqlite3_column_int64(st, 17),
			.degraded = (uint32_t)sqlite3_column_int64(st, 18),
			.skew_ms = sqlite3_column_int64(st, 19),
			.realm = copy(st, 20)
		};
	}
	return rc;
}

static int load_processes(struct store *s, struct known *k, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(
		s, e, "SELECT id, name, unit, container FROM process ORDER BY id", DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(k->process, k->process_n, cap);
		k->process[k->process_n++] =
			(struct known_process){ .id = sqlite3_column_int64(st, 0),
						.name = copy(st, 1),
						.unit = copy(st, 2),
						.container = copy(st, 3) };
	}
	return rc;
}

static int load_realms(struct store *s, struct known *k, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e, "SELECT id, name FROM realm ORDER BY id", DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(k->realm, k->realm_n, cap);
		k->realm[k->realm_n++] =
			(struct known_realm){ sqlite3_column_int64(st, 0), copy(st, 1) };
	}
	return rc;
}

static const char *realm_name(const struct known *k, int64_t site)
{
	for (size_t i = 0; i < k->realm_n && site; i++)
		if (k->realm[i].id == site)
			return k->realm[i].name;
	return "";
}

static int load_endpoints(struct store *s, struct known *k, struct err *e)
{
	static const struct addr none;
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st =
		db_query(s, e, "SELECT id, address, realm FROM endpoint ORDER BY id", DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct known_endpoint *p;

		MEM_GROW(k->endpoint, k->endpoint_n, cap);
		p = &k->endpoint[k->endpoint_n++];
		memset(p, 0, sizeof(*p));
		p->id = sqlite3_column_int64(st, 0);
		if (db_addr(st, 1, &p->addr) && !addr_eq(&p->addr, &none))
			addr_text(&p->addr, p->ip);
		p->site = dict_site_of(sqlite3_column_int64(st, 2));
		p->realm = realm_name(k, p->site);
	}
	return rc;
}

/* Older leases come first, the open one last: the last word stays. */
static int load_leases(struct store *s, struct known *k, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT endpoint, machine FROM lease "
				    "ORDER BY until_ms IS NULL, until_ms, id",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		const struct known_endpoint *p =
			known_endpoint(k, sqlite3_column_int64(st, 0));

		if (p)
			k->endpoint[p - k->endpoint].machine =
				known_machine(k, sqlite3_column_int64(st, 1));
	}
	return rc;
}

static int load_details(struct store *s, struct known *k, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT endpoint, process, exe, user, app FROM detail "
				    "ORDER BY endpoint, process",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(k->detail, k->detail_n, cap);
		k->detail[k->detail_n++] =
			(struct known_detail){ .endpoint = sqlite3_column_int64(st, 0),
					       .process = sqlite3_column_int64(st, 1),
					       .exe = copy(st, 2),
					       .user = copy(st, 3),
					       .app = copy(st, 4) };
	}
	return rc;
}

int known_load(struct store *s, bool addresses, struct known *k, struct err *e)
{
	int rc;

	memset(k, 0, sizeof(*k));
	rc = load_machines(s, k, e);
	if (!rc)
		rc = load_processes(s, k, e);
	if (!rc && addresses)
		rc = load_realms(s, k, e);
	if (!rc && addresses)
		rc = load_endpoints(s, k, e);
	if (!rc && addresses)
		rc = load_leases(s, k, e);
	if (!rc && addresses)
		rc = load_details(s, k, e);
	return rc;
}

void known_fini(struct known *k)
{
	for (size_t i = 0; i < k->machine_n; i++) {
		struct known_machine *m = &k->machine[i];
		char *all[] = { m->ident, m->name, m->os,    m->kernel,
				m->arch,  m->site, m->extra, m->realm };

		for (size_t j = 0; j < sizeof(all) / sizeof(*all); j++)
			free(all[j]);
	}
	for (size_t i = 0; i < k->process_n; i++) {
		free(k->process[i].name);
		free(k->process[i].unit);
		free(k->process[i].container);
	}
	for (size_t i = 0; i < k->detail_n; i++) {
		free(k->detail[i].exe);
		free(k->detail[i].user);
		free(k->detail[i].app);
	}
	for (size_t i = 0; i < k->realm_n; i++)
		free(k->realm[i].name);
	free(k->realm);
	free(k->machine);
	free(k->endpoint);
	free(k->process);
	free(k->detail);
	memset(k, 0, sizeof(*k));
}

/* All the structs begin with their key. */
static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Numbers are given one after the other: most stand where they would if none was missing. */
static const void *find(const void *array, size_t n, size_t size, int64_t id)
{
	const char *at = array;
	int64_t first;

	if (!n)
		return NULL;
	first = *(const int64_t *)array;
	if (id >= first && (uint64_t)id - (uint64_t)first < n) {
		at += ((uint64_t)id - (uint64_t)first) * size;
		if (*(const int64_t *)(const void *)at == id)
			return at;
	}
	return bsearch(&id, array, n, size, by_id);
}

const struct known_machine *known_machine(const struct known *k, int64_t id)
{
	return find(k->machine, k->machine_n, sizeof(*k->machine), id);
}

const struct known_endpoint *known_endpoint(const struct known *k, int64_t id)
{
	return find(k->endpoint, k->endpoint_n, sizeof(*k->endpoint), id);
}

const struct known_process *known_find_process(const struct known *k, int64_t id)
{
	return find(k->process, k->process_n, sizeof(*k->process), id);
}

static int by_place(const void *a, const void *b)
{
	const struct known_detail *x = a, *y = b;
	int d = by_id(&x->endpoint, &y->endpoint);

	return d ? d : by_id(&x->process, &y->process);
}

struct process known_process(const struct known *k, int64_t id, int64_t endpoint)
{
	struct known_detail key = { .endpoint = endpoint, .process = id };
	const struct known_process *p = known_find_process(k, id);
	const struct known_detail *d = p && k->detail_n ? bsearch(&key, k->detail, k->detail_n,
								  sizeof(*k->detail), by_place)
							: NULL;

	return (struct process){ .name = p ? p->name : "",
				 .unit = p ? p->unit : "",
				 .container = p ? p->container : "",
				 .exe = d ? d->exe : "",
				 .user = d ? d->user : "",
				 .app = d ? d->app : "" };
}
