/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cert.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/token.h"
#include "common/version.h"

enum { QUICK_S = 5, SLOW_S = 60, LONG_S = 600, RETRY_S = 2 };
#define PREFIX "/api/v1"

#define WINDOW "since until "
#define PAGE "limit offset"

const struct api_route api_routes[] = {
	{ HTTP_GET, "", API_READ, API_QUICK, false, "", api_index, "what there is" },
	{ HTTP_GET, "openapi.json", API_READ, API_QUICK, false, "", api_openapi,
	  "the same, as OpenAPI" },
	{ HTTP_GET, "status", API_READ, API_QUICK, false, "", api_status,
	  "the collector and its counters" },
	{ HTTP_GET, "machines", API_READ, API_SLOW, true, "machine " PAGE, api_machines,
	  "machines" },
	{ HTTP_GET, "machine/*", API_READ, API_SLOW, true, "", api_machine,
	  "one machine, all of it" },
	{ HTTP_GET, "edges", API_READ, API_SLOW, true, "machine process port " WINDOW PAGE,
	  api_edges, "who depends on whom" },
	{ HTTP_GET, "services", API_READ, API_SLOW, true, "machine process port " PAGE,
	  api_services, "what listens" },
	{ HTTP_GET, "sensors", API_READ, API_SLOW, true, PAGE, api_sensors,
	  "sensors and what they miss" },
	{ HTTP_GET, "coverage", API_READ, API_SLOW, true, WINDOW PAGE, api_coverage,
	  "how much of the time each sensor watched" },
	{ HTTP_GET, "doctor", API_READ, API_LONG, false, "", api_doctor,
	  "what keeps the map from being whole" },
	{ HTTP_GET, "snapshot", API_READ, API_LONG, true, "", api_snapshot,
	  "the database without secrets, as SQLite" },
	{ HTTP_GET, "groups", API_READ, API_LONG, true, "", api_groups,
	  "the plan that is kept" },
	{ HTTP_POST, "groups", API_EDIT, API_LONG, false, "", api_groups_propose,
	  "run the grouper: run, plan, dry_run" },
	{ HTTP_GET, "edits", API_READ, API_LONG, true, "", api_edits,
	  "what people changed in the plan" },
	{ HTTP_POST, "edits", API_EDIT, API_LONG, false, "", api_edits_add,
	  "change it: changes (edit, undo, rename, label), plan, dry_run" },
	{ HTTP_GET, "waves", API_READ, API_LONG, true, "", api_waves,
	  "waves, their order and cuts" },
	{ HTTP_GET, "handover", API_READ, API_LONG, true, "", api_handover,
	  "map and plan in one document" },
	{ HTTP_GET, "tokens", API_ADMIN, API_QUICK, false, "", api_tokens,
	  "tokens of this API" },
	{ HTTP_POST, "tokens", API_ADMIN, API_QUICK, false, "", api_token_add,
	  "make one: role, name, ttl_seconds" },
	{ HTTP_DELETE, "token/*", API_ADMIN, API_QUICK, false, "", api_token_revoke,
	  "revoke one" },
	{ HTTP_POST, "enrolments", API_ADMIN, API_QUICK, false, "", api_enrolment_add,
	  "make a token that lets sensors in: role, uses, ttl_seconds" },
	{ HTTP_DELETE, "sensor/*", API_ADMIN, API_QUICK, false, "", api_sensor_revoke,
	  "revoke a sensor" },
	{ HTTP_GET, "audit", API_ADMIN, API_QUICK, false, "limit", api_audit,
	  "who changed what" },
};
const unsigned api_routes_n = sizeof(api_routes) / sizeof(*api_routes);

static const struct api_route metrics = { .method = HTTP_GET,
					  .path = "metrics",
					  .role = API_READ,
					  .parameters = "",
					  .fn = api_metrics,
					  .words = "" };

/* By the first part of the path, which is not decoded; whatever is none of ours is quick. */
static enum api_pace pace_of(const char *path)
{
	size_t n = strlen(PREFIX);

	if (strncmp(path, PREFIX, n) != 0 || (path[n] && path[n] != '/'))
		return API_QUICK;
	path += n + (path[n] == '/');
	n = strcspn(path, "/");
	for (unsigned i = 0; i < api_routes_n; i++)
		if (strcspn(api_routes[i].path, "/") == n &&
		    strncmp(api_routes[i].path, path, n) == 0)
			return api_routes[i].pace;
	return API_SLOW; /* percent signs may make one of it */
}

bool api_is_quick(const char *path)
{
	return pace_of(path) == API_QUICK;
}

unsigned api_limit_s(const char *path)
{
	static const unsigned seconds[] = {
		[API_QUICK] = QUICK_S, [API_SLOW] = SLOW_S, [API_LONG] = LONG_S
	};

	return seconds[pace_of(path)];
}

int api_etag_worker(const char *etag)
{
	if (etag[0] != '"' || etag[1] < '0' || etag[1] > '9' || etag[2] != '-')
		return -1;
	return etag[1] - '0';
}

/* Failures */

int api_fail(struct api_call *c, int status, const char *fmt, ...)
{
	char words[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	api_end(c);
	c->flown = 0;
	c->status = status;
	c->type = TELL_JSON;
	c->etag[0] = 0;
	c->retry_s = status == 503 ? RETRY_S : 0;
	tell_error(&c->out, status, words);
	return status;
}

int api_fail_err(struct api_call *c, const struct err *e)
{
	static const struct {
		int code, status;
	} known[] = { { -ENOENT, 404 },	   { -EEXIST, 409 }, { -EINVAL, 400 },
		      { -EDQUOT, 409 },	   { -EBUSY, 503 },  { -EAGAIN, 503 },
		      { -ENOSPC, 507 },	   { -EFBIG, 507 },  { -E2BIG, 413 },
		      { -EOPNOTSUPP, 501 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].code == e->code)
			return api_fail(c, known[i].status, "%s", e->msg);
	log_err("http: %s", *e->msg ? e->msg : strerror(-e->code));
	return api_fail(c, 500, "%s", *e->msg ? e->msg : strerror(-e->code));
}

/* The database */

void api_close(struct api *api)
{
	store_close(api->store);
	api->store = NULL;
}

/* Not before the collector has it open: it may be made, mended or migrated still. */
static int open_store(struct api_call *c)
{
	struct err e = { 0 };

	if (!__atomic_load_n(&c->api->stats->beat_ms, __ATOMIC_RELAXED))
		return api_fail(c, 503, "the collector is starting");
	if (!c->api->store) {
		c->api->store = store_open(c->api->database, STORE_READ, &e);
		c->api->opened++;
	}
	return c->api->store ? 0 : api_fail(c, 503, "%s", e.msg);
}

struct store *api_writer(struct api_call *c)
{
	struct err e = { 0 };
	struct store *s = store_open(c->api->database, STORE_WRITE, &e);

	if (!s)
		api_fail(c, 503, "%s", e.msg);
	return s;
}

/* Who asks */

static bool hash_of(const char *token, uint8_t hash[32])
{
	struct token t;

	if (token_api_parse(token, &t) < 0)
		return false;
	cert_sha256(t.secret, sizeof(t.secret), hash);
	return true;
}

/* To the hour, and only if nobody else writes at this moment. */
static void note_use(struct api_call *c, const uint8_t hash[32])
{
	struct store *s = store_open(c->api->database, STORE_WRITE, NULL);

	if (!s)
		return;
	store_patience(s, 100);
	apitoken_used(s, hash, (int64_t)clock_ms(), NULL);
	store_close(s);
}

static int know_caller(struct api_call *c)
{
	char name[APITOKEN_NAME] = "";
	bool stale = false;
	struct err e = { 0 };
	uint8_t hash[32];
	int rc = 0;

	c->role = c->ask->open ? API_READ : API_NONE;
	snprintf(c->who, sizeof(c->who), "nobody from %s", c->ask->peer);
	if (!*c->ask->token)
		return 0;
	if (hash_of(c->ask->token, hash))
		rc = apitoken_find(c->api->store, hash, (int64_t)clock_ms(), &c->role, name,
				   &stale, &e);
	if (rc < 0)
		return api_fail_err(c, &e);
	if (rc == 0)
		return api_fail(c, 401, "this token is not known here, or has expired");
	snprintf(c->who, sizeof(c->who), "%s from %s", name, c->ask->peer);
	if (stale)
		note_use(c, hash);
	return 0;
}

static int allow(struct api_call *c, const struct api_route *r)
{
	if (c->role >= r->role)
		return 0;
	if (!*c->ask->token)
		return api_fail(c, 401, "this wants a token: Authorization: Bearer TOKEN");
	return api_fail(c, 403, "this wants a token of the role %s", api_role_word[r->role]);
}

/* Routes */

static bool fits(const struct api_route *r, const struct api_call *c)
{
	const char *at = r->path;
	int i;

	for (i = 0; *at && i < c->parts; i++) {
		size_t n = strcspn(at, "/");

		if (strncmp(at, "*", n) != 0 &&
		    (strlen(c->part[i]) != n || strncmp(at, c->part[i], n) != 0))
			return false;
		at += n + (at[n] == '/');
	}
	return !*at && i == c->parts;
}

static const struct api_route *find(struct api_call *c)
{
	static const char *const methods[] = { "GET, HEAD", "GET, HEAD", "POST", "DELETE" };
	const struct api_route *found = NULL;
	static char allowed[64];

	allowed[0] = 0;
	for (unsigned i = 0; i < api_routes_n; i++) {
		const struct api_route *r = &api_routes[i];

		if (!fits(r, c))
			continue;
		if (r->method == c->ask->method)
			found = r;
		snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed), "%s%s",
			 *allowed ? ", " : "", methods[r->method]);
	}
	if (found)
		return found;
	if (!*allowed) {
		api_fail(c, 404, "there is no such path; " PREFIX "/ lists them");
		return NULL;
	}
	api_fail(c, 405, "this path takes %s", allowed);
	c->allow = allowed;
	return NULL;
}

static const struct api_route *route(struct api_call *c)
{
	const char *all[HTTP_PARTS_MAX];
	int n = http_parts(c->path, all);

	if (n == 1 && strcmp(all[0], "metrics") == 0 && c->ask->method == HTTP_GET)
		return &metrics;
	if (n < 0) {
		api_fail(c, 400, "the path cannot be understood");
		return NULL;
	}
	if (n < 2 || strcmp(all[0], "api") != 0 || strcmp(all[1], "v1") != 0) {
		api_fail(c, 404, "there is no such path; " PREFIX "/ lists them");
		return NULL;
	}
	c->parts = n - 2;
	for (int i = 2; i < n; i++)
		c->part[i - 2] = all[i];
	return find(c);
}

/* Queries */

static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end && *out <= max;
}

static bool has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static bool set(struct api_page *p, const char *name, const char *value)
{
	uint64_t v = 0;

	if (strcmp(name, "machine") == 0)
		p->filter.machine = value;
	else if (strcmp(name, "process") == 0)
		p->filter.process = value;
	else if (!number(value, strcmp(name, "port") == 0 ? 65535 : INT64_MAX / 1000, &v))
		return false;
	else if (strcmp(name, "port") == 0)
		p->filter.port = (int)v;
	else if (strcmp(name, "since") == 0)
		p->filter.since = (int64_t)v;
	else if (strcmp(name, "until") == 0)
		p->filter.until = (int64_t)v;
	else if (strcmp(name, "limit") == 0)
		p->limit = v;
	else
		p->offset = v;
	return *value;
}

/* Its strings stay in C->query. */
static int read_query(struct api_call *c, const char *allowed)
{
	char *query = c->query;
	const char *name, *value;
	int rc;

	while ((rc = http_parameter(&query, &name, &value)) > 0) {
		if (!*name || strchr(name, ' ') || !has(allowed, name))
			return api_fail(c, 400, "unknown parameter \"%.60s\"; there are: %s",
					name, *allowed ? allowed : "none");
		if (!set(&c->page, name, value))
			return api_fail(c, 400,
					"%s: \"%.100s\" does not fit; times are Unix "
					"seconds",
					name, value);
	}
	return rc < 0 ? api_fail(c, 400, "the query cannot be understood") : 0;
}

/* Answers */

bool api_is_etag(const char *given, const char *etag)
{
	size_t n = strlen(etag);

	return n && given[0] == '"' && strncmp(given + 1, etag, n) == 0 &&
	       strcmp(given + 1 + n, "\"") == 0;
}

/* True: it has what we would answer already. */
static bool unchanged(struct api_call *c, const struct api_route *r)
{
	int64_t changes;

	if (!r->tagged || store_changes(c->api->store, &changes, NULL) < 0)
		return false;
	snprintf(c->etag, sizeof(c->etag), "%u-%s-%u-%lld", c->api->worker % 10, c->api->boot,
		 c->api->opened, (long long)changes);
	return api_is_etag(c->ask->etag, c->etag);
}

/* All queries of one answer see one state of the database. */
static void run(struct api_call *c, const struct api_route *r)
{
	struct err e = { 0 };
	int rc = store_freeze(c->api->store, &e);

	if (rc) {
		api_fail_err(c, &e);
	} else if (unchanged(c, r)) {
		c->status = 304;
	} else {
		r->fn(c);
		rc = api_settle(c);
		if (rc < 0) {
			err_sys(&e, rc, "the answer could not be written down");
			api_fail_err(c, &e);
		}
	}
	if (store_thaw(c->api->store) < 0 || c->status == 500)
		api_close(c->api); /* it may be another file by now */
}

void api_answer(struct api *api, const struct ask *ask, struct api_call *c)
{
	const struct api_route *r;

	*c = (struct api_call){ .api = api, .ask = ask, .file = -1, .status = 200 };
	snprintf(c->path, sizeof(c->path), "%s", ask->path);
	snprintf(c->query, sizeof(c->query), "%s", ask->query);
	r = route(c);
	if (r && !open_store(c) && !know_caller(c) && !allow(c, r) &&
	    !read_query(c, r->parameters))
		run(c, r);
}

/* What there is */

int api_index(struct api_call *c)
{
	static const char *const words[] = { "GET", "HEAD", "POST", "DELETE" };
	struct json j = json_to(&c->out);

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "skein", SKEIN_VERSION);
	json_member_string(&j, "role", api_role_word[c->role]);
	json_key(&j, "paths");
	json_open(&j, '[');
	for (unsigned i = 0; i < api_routes_n; i++) {
		char path[64];

		snprintf(path, sizeof(path), PREFIX "/%s", api_routes[i].path);
		json_open(&j, '{');
		json_member_string(&j, "method", words[api_routes[i].method]);
		json_member_string(&j, "path", path);
		json_member_string(&j, "role", api_role_word[api_routes[i].role]);
		json_member_string(&j, "parameters", api_routes[i].parameters);
		json_member_string(&j, "about", api_routes[i].words);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	buf_str(&c->out, "\n");
	return 0;
}
