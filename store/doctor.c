/* SPDX-License-Identifier: Apache-2.0 */
#include "store/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "store/aside.h"
#include "store/db.h"
#include "store/known.h"
#include "store/schema.h"

int doctor_file(struct store *s, struct doctor_file *out, struct err *e)
{
	int64_t pages = 0, spare = 0, size = 0;
	int rc = schema_version(s, e);

	*out = (struct doctor_file){ .schema = rc };
	if (rc < 0)
		return rc;
	rc = db_int(s, e, &pages, "PRAGMA page_count", DB_NONE);
	if (rc > 0)
		rc = db_int(s, e, &spare, "PRAGMA freelist_count", DB_NONE);
	if (rc > 0)
		rc = db_int(s, e, &size, "PRAGMA page_size", DB_NONE);
	if (rc < 0)
		return rc;
	out->bytes = (uint64_t)(pages * size);
	out->free_bytes = (uint64_t)(spare * size);
	return 0;
}

int doctor_damage(struct store *s, char words[DOCTOR_WORDS], struct err *e)
{
	sqlite3_stmt *st = db_query(s, e, "PRAGMA quick_check(1)", DB_NONE);
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	words[0] = 0;
	if (rc <= 0)
		return rc;
	snprintf(words, DOCTOR_WORDS, "%s", db_text(st, 0));
	db_done(st);
	return strcmp(words, "ok") != 0;
}

int doctor_aside(struct store *s, struct doctor_aside *out, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT json_extract(value, '$.file'), "
				    "json_extract(value, '$.why'), "
				    "json_extract(value, '$.when_ms') / 1000 FROM setting "
				    "WHERE key = ? AND json_valid(value)",
				    DB(T(ASIDE_SETTING)));
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	*out = (struct doctor_aside){ db_text(st, 0), db_text(st, 1),
				      sqlite3_column_int64(st, 2) };
	return 1; /* reset when it is asked for again */
}

/* Sensors */

static struct doctor_sensor sensor_of(sqlite3_stmt *st)
{
	return (struct doctor_sensor){
		.name = db_text(st, 0),
		.role = db_text(st, 1),
		.machine = db_text(st, 2),
		.revoked = sqlite3_column_int(st, 3) != 0,
		.first = sqlite3_column_int64(st, 4) / 1000,
		.last = sqlite3_column_int64(st, 5) / 1000,
		.records = (uint64_t)sqlite3_column_int64(st, 6),
		.quarantined = (uint64_t)sqlite3_column_int64(st, 7),
		.rejected = (uint64_t)sqlite3_column_int64(st, 8),
		.lost = (uint64_t)sqlite3_column_int64(st, 9),
		.overflow = (uint64_t)sqlite3_column_int64(st, 10),
		.unnamed = (uint64_t)sqlite3_column_int64(st, 11),
		.degraded = (uint32_t)sqlite3_column_int64(st, 12),
		.opens_seen = (uint64_t)sqlite3_column_int64(st, 13),
		.opens_kernel = (uint64_t)sqlite3_column_int64(st, 14),
		.gaps = (uint64_t)sqlite3_column_int64(st, 15),
		.gap_first = sqlite3_column_int64(st, 16) / 1000,
		.gap_last = sqlite3_column_int64(st, 17) / 1000,
		.worst_hour = sqlite3_column_int64(st, 18) * 3600,
		.worst_seen = (uint64_t)sqlite3_column_int64(st, 19),
		.worst_kernel = (uint64_t)sqlite3_column_int64(st, 20),
		.skew_ms = sqlite3_column_int64(st, 21),
		.jumps = (uint64_t)sqlite3_column_int64(st, 22),
		.folded = (uint64_t)sqlite3_column_int64(st, 23),
	};
}

/* Of rows that are grouped, SQLite takes the bare columns from the one that max or min chose.
 */
int doctor_sensors(struct store *s, doctor_sensor_fn *fn, void *ctx, struct err *e)
{
	int rc, got = 0;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT s.name, s.role, coalesce(iif(m.name = '', m.ident, m.name), s.host), "
		"s.revoked, s.first_ms, s.last_ms, s.records, s.quarantined, s.rejected, s.lost, "
		"s.overflow, s.unnamed, s.degraded, c.seen, c.counted, "
		"g.n, g.start_ms, g.end_ms, w.hour, w.seen, w.counted, s.skew_ms, s.clock_jumps, "
		"s.folded "
		"FROM sensor s LEFT JOIN machine m ON m.sensor = s.id "
		"LEFT JOIN (SELECT sensor AS of, total(min(active_seen, active_kernel) + "
		"min(passive_seen, passive_kernel)) AS seen, "
		"total(active_kernel + passive_kernel) AS counted FROM capture GROUP BY sensor) c "
		"ON c.of = s.id "
		"LEFT JOIN (SELECT sensor AS of, count(*) AS n, start_ms, max(end_ms) AS end_ms "
		"FROM gap GROUP BY sensor) g ON g.of = s.id "
		"LEFT JOIN (SELECT sensor AS of, hour, seen, counted, min(1.0 * seen / counted) "
		"FROM (SELECT sensor, hour, min(active_seen, active_kernel) + "
		"min(passive_seen, passive_kernel) AS seen, active_kernel + passive_kernel AS counted "
		"FROM capture_hour) WHERE seen < counted GROUP BY sensor) w ON w.of = s.id "
		"ORDER BY 3, 1",
		DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct doctor_sensor row = sensor_of(st);

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

/* Machines without a sensor, and addresses that are no machine's */

struct stranger {
	const struct known_machine *machine; /* or NULL: */
	const struct known_endpoint *endpoint;
	uint64_t edges, opens;
};
struct strangers {
	struct known known;
	uint64_t *edges, *opens; /* of machines, by their index in known */
	struct stranger *list;
	size_t n, cap;
};

static bool is_between(const struct addr *a, const char *first, unsigned bits)
{
	struct addr base;
	unsigned bytes = bits / 8, rest = bits % 8;

	addr_parse(first, &base);
	return memcmp(a->b, base.b, bytes) == 0 &&
	       (!rest || (a->b[bytes] ^ base.b[bytes]) >> (8 - rest) == 0);
}

/* 96 bits of prefix come before IPv4. */
static bool is_own_network(const struct addr *a)
{
	return is_between(a, "10.0.0.0", 96 + 8) || is_between(a, "172.16.0.0", 96 + 12) ||
	       is_between(a, "192.168.0.0", 96 + 16) || is_between(a, "100.64.0.0", 96 + 10) ||
	       is_between(a, "fc00::", 7);
}

static void add_stranger(struct strangers *t, const struct stranger *x)
{
	MEM_GROW(t->list, t->n, t->cap);
	t->list[t->n++] = *x;
}

static void add_end(struct strangers *t, struct doctor_strangers *out,
		    const struct known_endpoint *p, uint64_t edges, uint64_t opens)
{
	struct stranger x = { .endpoint = p, .edges = edges, .opens = opens };

	if (p->machine) {
		size_t i = (size_t)(p->machine - t->known.machine);

		t->edges[i] += edges;
		t->opens[i] += opens;
	} else if (*p->ip && is_own_network(&p->addr)) {
		out->addresses++;
		add_stranger(t, &x);
	} else if (*p->ip && !addr_is_scoped(&p->addr) && !addr_is_any(&p->addr)) {
		out->outside++;
	}
}

static int load_ends(struct store *s, struct strangers *t, struct doctor_strangers *out,
		     struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"WITH x(client, server, opens) AS (SELECT client, server, opens FROM edge "
		"JOIN fact_total ON fact_total.edge = edge.id) "
		"SELECT p, sum(n), total(opens) FROM ("
		"SELECT client AS p, count(*) AS n, total(opens) AS opens FROM x GROUP BY client "
		"UNION ALL SELECT server, count(*), total(opens) FROM x GROUP BY server) "
		"GROUP BY p ORDER BY p",
		DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		const struct known_endpoint *p =
			known_endpoint(&t->known, sqlite3_column_int64(st, 0));

		if (p)
			add_end(t, out, p, (uint64_t)sqlite3_column_int64(st, 1),
				(uint64_t)sqlite3_column_int64(st, 2));
	}
	return rc;
}

static void add_machines(struct strangers *t, struct doctor_strangers *out)
{
	for (size_t i = 0; i < t->known.machine_n; i++) {
		struct stranger x = { .machine = &t->known.machine[i],
				      .edges = t->edges[i],
				      .opens = t->opens[i] };

		out->machines++;
		out->watched += x.machine->sensor;
		if (!x.machine->sensor && x.edges)
			add_stranger(t, &x);
	}
}

static const char *word_of(const struct stranger *x)
{
	return x->machine ? x->machine->name : x->endpoint->ip;
}

static int by_edges(const void *a, const void *b)
{
	const struct stranger *x = a, *y = b;

	if (x->edges != y->edges)
		return x->edges > y->edges ? -1 : 1;
	if (x->opens != y->opens)
		return x->opens > y->opens ? -1 : 1;
	return strcmp(word_of(x), word_of(y));
}

static int emit_strangers(struct strangers *t, unsigned limit, doctor_stranger_fn *fn,
			  void *ctx)
{
	int rc = 0;

	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), by_edges);
	for (size_t i = 0; i < t->n && i < limit && !rc; i++) {
		const struct stranger *x = &t->list[i];
		struct doctor_stranger row = { .name = x->machine ? x->machine->name : "",
					       .ip = x->machine ? "" : x->endpoint->ip,
					       .edges = x->edges,
					       .opens = x->opens };

		rc = fn(&row, ctx);
	}
	return rc;
}

int doctor_strangers(struct store *s, unsigned limit, struct doctor_strangers *out,
		     doctor_stranger_fn *fn, void *ctx, struct err *e)
{
	struct strangers t = { .n = 0 };
	int rc = db_exec(s, e, "SAVEPOINT query");

	*out = (struct doctor_strangers){ 0 };
	if (rc)
		return rc;
	rc = known_load(s, true, &t.known, e);
	t.edges = xcalloc(t.known.machine_n + 1, sizeof(*t.edges));
	t.opens = xcalloc(t.known.machine_n + 1, sizeof(*t.opens));
	if (!rc)
		rc = load_ends(s, &t, out, e);
	db_exec(s, NULL, "RELEASE query");
	if (!rc) {
		add_machines(&t, out);
		rc = emit_strangers(&t, limit, fn, ctx);
	}
	free(t.edges);
	free(t.opens);
	free(t.list);
	known_fini(&t.known);
	return rc;
}

/* Addresses that two machines list */

int doctor_contested(struct store *s, doctor_contested_fn *fn, void *ctx, struct err *e)
{
	int rc, got = 0;
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT a.address, iif(m.name = '', m.ident, m.name), "
			 "coalesce((SELECT iif(h.name = '', h.ident, h.name) FROM endpoint p "
			 "JOIN lease l ON l.endpoint = p.id AND l.until_ms IS NULL "
			 "JOIN machine h ON h.id = l.machine "
			 "WHERE p.realm = iif(o.realm = 0, 0, 1099511627776 + o.realm) "
			 "AND p.address = a.address LIMIT 1), '') "
			 "FROM machine_address a JOIN machine m ON m.id = a.machine "
			 "JOIN sensor o ON o.id = m.sensor WHERE a.contested != 0 "
			 "ORDER BY 1, 2, m.ident",
			 DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		char ip[ADDR_TEXT];
		struct addr a;
		struct doctor_contested row = { .ip = ip,
						.machine = db_text(st, 1),
						.holder = db_text(st, 2) };

		if (!db_addr(st, 0, &a))
			continue;
		addr_text(&a, ip);
		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

/* Coverage */

int doctor_count(struct store *s, struct doctor_counts *out, struct err *e)
{
	int64_t machines = 0, edges = 0;
	int rc = db_int(s, e, &machines, "SELECT count(*) FROM machine", DB_NONE);

	if (rc > 0)
		rc = db_int(s, e, &edges, "SELECT count(*) FROM edge", DB_NONE);
	*out = (struct doctor_counts){ (uint64_t)machines, (uint64_t)edges };
	return rc < 0 ? rc : 0;
}

static struct doctor_cover cover_of(sqlite3_stmt *st)
{
	return (struct doctor_cover){ .sensor = db_text(st, 0),
				      .first = sqlite3_column_int64(st, 1) * 60,
				      .last = sqlite3_column_int64(st, 2) * 60 + 60,
				      .covered_s =
					      (uint64_t)sqlite3_column_int64(st, 3) / 1000,
				      .gaps = (uint64_t)sqlite3_column_int64(st, 4),
				      .lost = (uint64_t)sqlite3_column_int64(st, 5) };
}

int doctor_coverage(struct store *s, int64_t since, int64_t until, doctor_cover_fn *fn,
		    void *ctx, struct err *e)
{
	int64_t end = until ? until : INT64_MAX / 1000;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT s.name, c.first, c.last, c.ms, coalesce(g.n, 0), coalesce(g.lost, 0) "
		"FROM (SELECT sensor, min(minute) AS first, max(minute) AS last, "
		"sum(covered_ms) AS ms FROM coverage WHERE minute >= ?1 AND minute < ?2 "
		"GROUP BY sensor) c JOIN sensor s ON s.id = c.sensor LEFT JOIN "
		"(SELECT sensor, count(*) AS n, total(records) AS lost FROM gap "
		"WHERE end_ms > ?3 AND start_ms < ?4 GROUP BY sensor) g "
		"ON g.sensor = c.sensor ORDER BY s.name",
		DB(I(since / 60), I(end / 60 + (end % 60 != 0)), I(since * 1000),
		   I(end * 1000)));
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct doctor_cover row = cover_of(st);

		rc = fn(&row, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}
