/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sensor.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/dict.h"
#include "store/machine.h"

struct watch { /* which sensor speaks for a machine */
	int64_t machine, sensor;
	UT_hash_handle hh;
};

struct sensor_cache {
	struct sensor *sensors;
	struct watch *watches;
};

static struct sensor_cache *cache_of(struct store *s)
{
	if (!s->sensors)
		s->sensors = xcalloc(1, sizeof(*s->sensors));
	return s->sensors;
}

static void forget_watches(struct sensor_cache *c)
{
	struct watch *w, *next;

	HASH_ITER (hh, c->watches, w, next) {
		HASH_DEL(c->watches, w);
		free(w);
	}
}

static void forget_watch(struct sensor_cache *c, int64_t machine)
{
	struct watch *w;

	HASH_FIND(hh, c->watches, &machine, sizeof(machine), w);
	if (w)
		HASH_DEL(c->watches, w);
	free(w);
}

static void free_one(struct sensor *x)
{
	free(x->name);
	free(x->addrs);
	free(x);
}

void sensor_free(struct sensor_cache *c)
{
	struct sensor *x, *next;

	if (!c)
		return;
	forget_watches(c);
	HASH_ITER (hh, c->sensors, x, next) {
		HASH_DEL(c->sensors, x);
		free_one(x);
	}
	free(c);
}

static int load_addrs(struct store *s, struct sensor *x, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT address, contested FROM machine_address WHERE machine = ? "
			 "ORDER BY address",
			 DB(I(x->machine)));

	free(x->addrs);
	x->addrs = NULL;
	x->addrs_n = 0;
	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(x->addrs, x->addrs_n, cap);
		x->addrs[x->addrs_n].contested = sqlite3_column_int(st, 1) != 0;
		x->addrs_n += db_addr(st, 0, &x->addrs[x->addrs_n].addr);
	}
	return rc;
}

int sensor_reload(struct store *s, struct sensor *x, struct err *e)
{
	int rc;

	x->machine = 0;
	rc = db_int(s, e, &x->machine,
		    "SELECT id FROM machine WHERE sensor = ? AND sensor != 0", DB(I(x->id)));
	return rc < 0 ? rc : load_addrs(s, x, e);
}

int sensor_reload_of(struct store *s, int64_t machine, struct err *e)
{
	struct sensor_cache *c = cache_of(s);
	int rc = 0;

	for (struct sensor *x = c->sensors; x && !rc; x = x->hh.next)
		if (x->machine == machine)
			rc = sensor_reload(s, x, e);
	return rc;
}

static int read_row(struct store *s, struct sensor *x, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT id, role, covered_ms, run, skew_ms, "
		"clock_base_ms, clock_end_ms, clock_jumps, realm, quota_hour, quota_edges, "
		"quota_names FROM sensor WHERE name = ?",
		DB(T(x->name)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	x->id = sqlite3_column_int64(st, 0);
	x->flow = strcmp(db_text(st, 1), "flow") == 0;
	x->host = strcmp(db_text(st, 1), "host") == 0;
	x->covered_ms = sqlite3_column_int64(st, 2);
	x->run = sqlite3_column_int64(st, 3);
	x->skew.ms = sqlite3_column_int64(st, 4);
	x->skew.base_ms = sqlite3_column_int64(st, 5);
	x->skew.end_ms = sqlite3_column_int64(st, 6);
	x->skew.known = x->skew.base_ms != 0;
	x->jumps = sqlite3_column_int64(st, 7);
	x->realm = dict_realm_site(sqlite3_column_int64(st, 8));
	x->quota = (struct quota){ sqlite3_column_int64(st, 9),
				   { sqlite3_column_int64(st, 10),
				     sqlite3_column_int64(st, 11) } };
	db_done(st);
	return 1;
}

static int load(struct store *s, struct sensor *x, int64_t now_ms, struct err *e)
{
	bool flow = strncmp(x->name, SENSOR_FLOW, strlen(SENSOR_FLOW)) == 0;
	int rc = read_row(s, x, e);

	if (rc == 0) {
		rc = db_run(s, e,
			    "INSERT INTO sensor(name, role, first_ms, last_ms) "
			    "VALUES(?, ?, ?, ?)",
			    DB(T(x->name), T(flow ? "flow" : "host"), I(now_ms), I(now_ms)));
		if (!rc)
			rc = read_row(s, x, e);
	}
	return rc < 0 ? rc : sensor_reload(s, x, e);
}

int sensor_get(struct store *s, const char *name, int64_t now_ms, struct sensor **out,
	       struct err *e)
{
	struct sensor_cache *c = cache_of(s);
	struct sensor *x;
	int rc;

	HASH_FIND_STR(c->sensors, name, *out);
	if (*out)
		return 0;
	x = xcalloc(1, sizeof(*x));
	x->name = xstrdup(name);
	rc = load(s, x, now_ms, e);
	if (rc) {
		free_one(x);
		return rc;
	}
	HASH_ADD_KEYPTR(hh, c->sensors, x->name, strlen(x->name), x);
	*out = x;
	return 0;
}

static int compare_addrs(const void *a, const void *b)
{
	return addr_cmp(a, &((const struct sensor_addr *)b)->addr);
}

static const struct sensor_addr *find_addr(const struct sensor *x, const struct addr *a)
{
	return x->addrs_n ? bsearch(a, x->addrs, x->addrs_n, sizeof(*x->addrs), compare_addrs)
			  : NULL;
}

bool sensor_owns(const struct sensor *x, const struct addr *a)
{
	return find_addr(x, a) != NULL;
}

bool sensor_speaks(const struct sensor *x, const struct addr *a)
{
	const struct sensor_addr *found = find_addr(x, a);

	return found && !found->contested;
}

int sensor_of_machine(struct store *s, int64_t machine, int64_t *sensor, struct err *e)
{
	struct sensor_cache *c = cache_of(s);
	struct watch *w;
	int rc;

	*sensor = 0;
	if (!machine)
		return 0;
	HASH_FIND(hh, c->watches, &machine, sizeof(machine), w);
	if (!w) {
		rc = machine_sensor(s, machine, sensor, e);
		if (rc)
			return rc;
		w = xcalloc(1, sizeof(*w));
		w->machine = machine;
		w->sensor = *sensor;
		HASH_ADD(hh, c->watches, machine, sizeof(w->machine), w);
	}
	*sensor = w->sensor;
	return 0;
}

/* Who spoke for the machine before has no addresses to speak for any more. */
static void unbind_others(struct sensor_cache *c, int64_t machine)
{
	for (struct sensor *x = c->sensors; x; x = x->hh.next)
		if (x->machine == machine) {
			x->machine = 0;
			x->addrs_n = 0;
		}
}

int sensor_bind(struct store *s, struct sensor *x, int64_t machine, struct err *e)
{
	int64_t before;
	int rc;

	if (x->machine == machine)
		return 0;
	rc = machine_sensor(s, machine, &before, e);
	if (rc)
		return rc;
	if (before)
		unbind_others(cache_of(s), machine);
	forget_watch(cache_of(s), x->machine);
	forget_watch(cache_of(s), machine);
	rc = db_run(s, e, "UPDATE machine SET sensor = 0 WHERE sensor = ? AND sensor != 0",
		    DB(I(x->id)));
	if (!rc)
		rc = db_run(s, e, "UPDATE machine SET sensor = ? WHERE id = ?",
			    DB(I(x->id), I(machine)));
	x->machine = machine;
	return rc;
}
