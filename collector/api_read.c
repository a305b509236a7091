/* SPDX-License-Identifier: Apache-2.0 */
/* The map as it is kept: the same objects as skein's commands print. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/api.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/version.h"
#include "store/doctor.h"
#include "store/examine.h"
#include "store/lines.h"
#include "store/plan.h"
#include "store/snapshot.h"

/* Rows, one by one, into an array: those of the page that was asked for. */
struct rows {
	struct api_call *c;
	struct err e; /* of the query */
	uint64_t seen, n;
};

static bool wants(struct rows *r)
{
	const struct api_page *page = &r->c->page;
	uint64_t at = r->seen++;

	if (at < page->offset || (page->limit && r->n >= page->limit))
		return false;
	api_row(r->c, r->n++);
	return true;
}

/* RC is the query's; without words it is api_flow's. */
static int end_rows(struct rows *r, int rc)
{
	if (rc < 0 && !r->e.code)
		err_sys(&r->e, rc, "the answer could not be written down");
	if (rc < 0)
		return api_fail_err(r->c, &r->e);
	api_rows_end(r->c, r->n);
	return 0;
}

static int machine_row(const struct machine_row *m, void *ctx)
{
	struct rows *r = ctx;

	if (wants(r))
		lines_machine(&r->c->out, m);
	return api_flow(r->c);
}

int api_machines(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(&r,
			query_machines(c->api->store, &c->page.filter, machine_row, &r, &r.e));
}

static int whole_machine(const struct machine_row *m, void *ctx)
{
	struct rows *r = ctx;

	if (r->n++)
		return 0; /* a name that two have: the first, as the order is */
	return lines_machine_whole(&r->c->out, m, r->c->api->store, &r->e);
}

int api_machine(struct api_call *c)
{
	struct filter f = { .machine = c->part[1] };
	struct rows r = { .c = c };

	if (query_machines(c->api->store, &f, whole_machine, &r, &r.e) < 0)
		return api_fail_err(c, &r.e);
	buf_str(&c->out, "\n");
	return r.n ? 0 : api_fail(c, 404, "there is no machine %.100s", c->part[1]);
}

static int edge_row(const struct edge_row *row, void *ctx)
{
	struct rows *r = ctx;

	if (wants(r))
		lines_edge(&r->c->out, row);
	return api_flow(r->c);
}

int api_edges(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(&r, query_edges(c->api->store, &c->page.filter, edge_row, &r, &r.e));
}

static int service_row(const struct listener_row *row, void *ctx)
{
	struct rows *r = ctx;

	if (wants(r))
		lines_listener(&r->c->out, row);
	return api_flow(r->c);
}

int api_services(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(
		&r, query_listeners(c->api->store, &c->page.filter, service_row, &r, &r.e));
}

/* Sensors */

static void degraded_words(struct json *j, uint32_t bits)
{
	json_key(j, "degraded");
	json_open(j, '[');
	for (unsigned i = 0; i < DEGRADED_WORDS; i++)
		if (bits & 1u << i)
			json_string(j, degraded_word[i]);
	json_close(j, ']');
}

static int sensor_row(const struct doctor_sensor *s, void *ctx)
{
	struct rows *r = ctx;
	struct json j;

	if (!wants(r))
		return 0;
	j = json_to(&r->c->out);
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "sensor", s->name);
	json_member_string(&j, "role", s->role);
	json_member_string(&j, "machine", s->machine);
	json_member_bool(&j, "revoked", s->revoked);
	json_member_uint(&j, "first", (uint64_t)s->first);
	json_member_uint(&j, "last", (uint64_t)s->last);
	json_member_uint(&j, "records", s->records);
	json_member_uint(&j, "quarantined", s->quarantined);
	json_member_uint(&j, "rejected", s->rejected);
	json_member_uint(&j, "folded", s->folded);
	json_member_uint(&j, "lost", s->lost);
	json_member_uint(&j, "gaps", s->gaps);
	json_member_uint(&j, "overflow", s->overflow);
	json_member_uint(&j, "unnamed", s->unnamed);
	json_member_uint(&j, "opens_seen", s->opens_seen);
	json_member_uint(&j, "opens_kernel", s->opens_kernel);
	degraded_words(&j, s->degraded);
	json_close(&j, '}');
	return api_flow(r->c);
}

int api_sensors(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(&r, doctor_sensors(c->api->store, sensor_row, &r, &r.e));
}

static int coverage_row(const struct doctor_cover *row, void *ctx)
{
	struct rows *r = ctx;
	struct json j;

	if (!wants(r))
		return 0;
	j = json_to(&r->c->out);
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "sensor", row->sensor);
	json_member_uint(&j, "first", (uint64_t)row->first);
	json_member_uint(&j, "last", (uint64_t)row->last);
	json_member_uint(&j, "covered_seconds", row->covered_s);
	json_member_uint(&j, "gaps", row->gaps);
	json_member_uint(&j, "lost", row->lost);
	json_close(&j, '}');
	return api_flow(r->c);
}

int api_coverage(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(&r, doctor_coverage(c->api->store, c->page.filter.since,
					    c->page.filter.until, coverage_row, &r, &r.e));
}

/* Health */

static int check_row(const struct check *check, bool sensor, void *ctx)
{
	struct check_report report = { .json = true };
	struct rows *r = ctx;

	(void)sensor;
	report.n = r->n++ ? 1 : 0;
	check_write(&r->c->out, &report, check, false);
	return api_flow(r->c);
}

int api_doctor(struct api_call *c)
{
	struct rows r = { .c = c };

	return end_rows(&r, examine(c->api->store, (int64_t)time(NULL), check_row, &r, &r.e));
}

int api_status(struct api_call *c)
{
	const char *why = stats_unready(c->api->stats);
	struct json j = json_to(&c->out);
	struct health h = { 0 };
	struct err e = { 0 };
	int rc = query_health(c->api->store, &h, &e);

	if (rc < 0)
		return api_fail_err(c, &e);
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "skein", SKEIN_VERSION);
	json_member_bool(&j, "ready", !why);
	if (why)
		json_member_string(&j, "why", why);
	json_member_uint(&j, "now", clock_ms() / 1000);
	json_member_uint(&j, "sensors", h.sensors);
	json_member_uint(&j, "records", h.records);
	json_member_uint(&j, "quarantined", h.quarantined);
	json_member_uint(&j, "rejected", h.rejected);
	json_member_uint(&j, "lost", h.lost);
	json_member_uint(&j, "first", (uint64_t)h.first);
	json_member_uint(&j, "last", (uint64_t)h.last);
	json_key(&j, "counters");
	json_open(&j, '{');
	for (unsigned i = 0; i < stats_rows_n; i++)
		json_member_uint(&j, stats_rows[i].name,
				 stats_value(c->api->stats, &stats_rows[i]));
	json_close(&j, '}');
	json_close(&j, '}');
	buf_str(&c->out, "\n");
	return 0;
}

/* The database */

static char *copy_path(const struct api *api)
{
	return xasprintf("%s/snapshot-%s-%u.tmp", api->dir, api->boot, api->worker);
}

void api_forget_copy(struct api *api)
{
	char *path = copy_path(api);

	unlink(path);
	free(path);
	api->copy_ms = 0;
}

static int make_copy(struct api_call *c, const char *path, struct err *e)
{
	struct api *api = c->api;
	uint64_t changes = __atomic_load_n(&api->stats->http_changes, __ATOMIC_RELAXED);
	int64_t plan = 0;
	int rc = plan_newest(api->store, &plan, e);

	if (rc < 0)
		return rc;
	if (api->copy_ms && stats_clock_ms() - api->copy_ms < API_COPY_MS &&
	    plan == api->copy_plan && changes == api->copy_changes)
		return 0;
	api_forget_copy(api);
	rc = snapshot_write(api->store, path, e);
	if (rc) {
		unlink(path);
		return rc;
	}
	api->copy_ms = stats_clock_ms();
	api->copy_plan = plan;
	api->copy_changes = changes;
	snprintf(api->copy_etag, sizeof(api->copy_etag), "%s", c->etag);
	return 0;
}

int api_snapshot(struct api_call *c)
{
	char *path = copy_path(c->api);
	struct err e = { 0 };
	struct stat st = { 0 };
	int rc = make_copy(c, path, &e);

	if (!rc) {
		c->file = open(path, O_RDONLY | O_CLOEXEC);
		if (c->file < 0 || fstat(c->file, &st) < 0)
			rc = err_sys(&e, -errno, "%s", path);
	}
	free(path);
	if (rc)
		return api_fail_err(c, &e);
	snprintf(c->etag, sizeof(c->etag), "%s", c->api->copy_etag);
	c->flown = (uint64_t)st.st_size;
	c->type = TELL_DATABASE;
	if (api_is_etag(c->ask->etag, c->etag))
		c->status = 304;
	return 0;
}
