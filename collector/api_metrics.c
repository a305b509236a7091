/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text, version 0.0.4: the counters that all processes share, then what the
 * database says.  A database that cannot be read takes nothing from the first part.
 */
#include <stdio.h>
#include <string.h>

#include "collector/api.h"
#include "common/version.h"
#include "store/doctor.h"

enum { SENSORS = 1000 }; /* that have lines of their own; the sums are of all */

static void head(struct buf *b, const char *name, const char *kind, const char *words)
{
	buf_printf(b, "# HELP skein_%s %s\n# TYPE skein_%s %s\n", name, words, name, kind);
}

static void one(struct buf *b, const char *name, const char *words, uint64_t v)
{
	head(b, name, "gauge", words);
	buf_printf(b, "skein_%s %llu\n", name, (unsigned long long)v);
}

/* Backslash, quote and newline are escaped; names are valid UTF-8 as the store has them. */
static void label(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			buf_str(b, "\\n");
			continue;
		}
		if (*s == '\\' || *s == '"')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*s);
	}
}

static void counters(struct buf *b, const struct stats *s)
{
	for (unsigned i = 0; i < stats_rows_n; i++) {
		const struct stats_row *r = &stats_rows[i];
		bool total = strcmp(r->kind, "counter") == 0;
		char name[96];

		snprintf(name, sizeof(name), "%s%s", r->name, total ? "_total" : "");
		head(b, name, r->kind, r->words);
		buf_printf(b, "skein_%s %llu\n", name, (unsigned long long)stats_value(s, r));
	}
}

/* Sensors: a family's lines stand together, so there is a pass for each. */

static const struct {
	const char *name, *words;
	uint16_t at;
} families[] = {
	{ "sensor_records", "records that were counted",
	  offsetof(struct doctor_sensor, records) },
	{ "sensor_quarantined", "records about addresses of others",
	  offsetof(struct doctor_sensor, quarantined) },
	{ "sensor_rejected", "records that made no sense",
	  offsetof(struct doctor_sensor, rejected) },
	{ "sensor_folded", "records beyond its quota of new edges and names",
	  offsetof(struct doctor_sensor, folded) },
	{ "sensor_lost", "records lost: not sent in time, or late",
	  offsetof(struct doctor_sensor, lost) },
	{ "sensor_overflow", "connections that fitted no table",
	  offsetof(struct doctor_sensor, overflow) },
	{ "sensor_last_seconds", "Unix seconds of its last word",
	  offsetof(struct doctor_sensor, last) },
};
enum { FAMILIES = sizeof(families) / sizeof(*families) };

struct lines {
	struct buf family[FAMILIES];
	unsigned n, left_out;
};

static int sensor_lines(const struct doctor_sensor *s, void *ctx)
{
	struct lines *l = ctx;

	if (s->revoked)
		return 0;
	if (l->n >= SENSORS) {
		l->left_out++;
		return 0;
	}
	l->n++;
	for (int i = 0; i < FAMILIES; i++) {
		struct buf *b = &l->family[i];
		uint64_t v;

		memcpy(&v, (const char *)s + families[i].at, sizeof(v));
		buf_printf(b, "skein_%s{sensor=\"", families[i].name);
		label(b, s->name);
		buf_printf(b, "\"} %llu\n", (unsigned long long)v);
	}
	return 0;
}

static int sensors(struct buf *b, struct store *s)
{
	struct lines l = { .n = 0 };
	int rc = doctor_sensors(s, sensor_lines, &l, NULL);

	for (int i = 0; i < FAMILIES; i++) {
		if (!rc && l.n) {
			head(b, families[i].name, "gauge", families[i].words);
			buf_put(b, l.family[i].p, l.family[i].n);
		}
		buf_fini(&l.family[i]);
	}
	if (!rc)
		one(b, "sensors_without_lines", "sensors beyond those that have lines here",
		    l.left_out);
	return rc;
}

static int database(struct buf *b, struct store *s)
{
	struct doctor_file f;
	struct doctor_counts n;
	struct health h;
	int rc = doctor_file(s, &f, NULL);

	if (!rc)
		rc = query_health(s, &h, NULL);
	if (!rc)
		rc = doctor_count(s, &n, NULL);
	if (rc)
		return rc;
	one(b, "database_bytes", "size of the database", f.bytes);
	one(b, "database_free_bytes", "of it, in pages that nothing uses", f.free_bytes);
	one(b, "sensors", "sensors that are known", h.sensors);
	one(b, "machines", "machines that are known", n.machines);
	one(b, "edges", "edges that are known", n.edges);
	one(b, "records_quarantined", "records about addresses of others, of all sensors",
	    h.quarantined);
	one(b, "records_rejected", "records that made no sense, of all sensors", h.rejected);
	one(b, "records_lost", "records lost: not sent in time, or late; of all sensors",
	    h.lost);
	one(b, "records_late", "of them, those that came after --keep-minutes", h.late);
	return sensors(b, s);
}

int api_metrics(struct api_call *c)
{
	struct buf more = { 0 };
	int rc = database(&more, c->api->store);

	c->type = TELL_METRICS;
	head(&c->out, "build_info", "gauge", "1, with the version");
	buf_str(&c->out, "skein_build_info{version=\"" SKEIN_VERSION "\"} 1\n");
	one(&c->out, "ready", "1 while sensors are heard and what they send is kept",
	    !stats_unready(c->api->stats));
	counters(&c->out, c->api->stats);
	one(&c->out, "database_readable", "1 if the lines below could be read from it", !rc);
	if (!rc)
		buf_put(&c->out, more.p, more.n);
	buf_fini(&more);
	return 0;
}
