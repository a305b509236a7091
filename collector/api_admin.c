/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask, which sensors may speak, and who changed that. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/admit.h"
#include "collector/api.h"
#include "collector/api_body.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/version.h"
#include "store/audit.h"
#include "store/roster.h"

enum {
	TTL_S = 90 * 86400,
	TTL_MAX_S = 3660 * 86400,
	ENROL_TTL_S = 86400,
	AUDIT_LIMIT = 1000,
	AUDIT_MOST = 100000,
};

/* Answers what is wrong. */
static bool read_body(struct api_call *c, struct body *b)
{
	struct json_in in = json_from((const char *)c->ask->body, c->ask->body_n);

	*b = (struct body){ .n = 0 };
	if (!c->ask->body_n)
		return true;
	if (body_read(b, &in, NULL, NULL) && json_at_end(&in))
		return true;
	body_free(b);
	api_fail(c, 400, "the body is not a JSON object of plain members");
	return false;
}

static void end_object(struct api_call *c, struct json *j)
{
	json_close(j, '}');
	buf_str(&c->out, "\n");
}

/* Tokens of the API */

static int token_row(const struct apitoken_row *row, void *ctx)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_member_uint(j, "id", (uint64_t)row->id);
	json_member_string(j, "name", row->name);
	json_member_string(j, "role", api_role_word[row->role]);
	json_member_uint(j, "made", (uint64_t)row->made_ms / 1000);
	json_member_uint(j, "expires", (uint64_t)row->expires_ms / 1000);
	json_member_uint(j, "used", (uint64_t)row->used_ms / 1000);
	json_close(j, '}');
	return 0;
}

int api_tokens(struct api_call *c)
{
	struct json j = json_to(&c->out);
	struct err e = { 0 };
	int rc;

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_key(&j, "tokens");
	json_open(&j, '[');
	rc = query_apitokens(c->api->store, token_row, &j, &e);
	json_close(&j, ']');
	end_object(c, &j);
	return rc < 0 ? api_fail_err(c, &e) : 0;
}

/* The change and its row in the audit, or neither. */
static int add_token(struct api_call *c, struct store *s, const struct token *t,
		     const struct apitoken_row *row, int64_t *id, struct err *e)
{
	char words[APITOKEN_NAME + 64];
	uint8_t hash[32];
	int rc = store_begin(s, e);

	if (rc)
		return rc;
	cert_sha256(t->secret, sizeof(t->secret), hash);
	rc = apitoken_add(s, hash, row, id, e);
	if (!rc) {
		snprintf(words, sizeof(words), "%lld %s %.64s", (long long)*id,
			 api_role_word[row->role], row->name);
		rc = audit_add(s, clock_ms(), c->who, "api-token create", words, e);
	}
	if (!rc)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

static int make_token(struct api_call *c, const struct apitoken_row *row)
{
	struct json j = json_to(&c->out);
	char text[TOKEN_API_TEXT];
	struct err e = { 0 };
	struct token t;
	struct store *s;
	int64_t id = 0;
	int rc = admit_new(c->api->dir, &t, &e);

	if (rc < 0)
		return api_fail_err(c, &e);
	s = api_writer(c);
	if (!s)
		return c->status;
	rc = add_token(c, s, &t, row, &id, &e);
	store_close(s);
	if (rc < 0)
		return api_fail_err(c, &e);
	token_api_text(&t, text);
	c->status = 201;
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_uint(&j, "id", (uint64_t)id);
	json_member_string(&j, "role", api_role_word[row->role]);
	json_member_uint(&j, "expires", (uint64_t)row->expires_ms / 1000);
	json_member_string(&j, "token", text);
	end_object(c, &j);
	return 0;
}

int api_token_add(struct api_call *c)
{
	struct apitoken_row row = { .role = API_READ, .made_ms = (int64_t)clock_ms() };
	uint64_t ttl = TTL_S;
	struct body b;
	int rc;

	if (!read_body(c, &b))
		return c->status;
	row.name = body_text(&b, "name");
	if ((body_has(&b, "role") && !api_role_parse(body_text(&b, "role"), &row.role)) ||
	    !body_number(&b, "ttl_seconds", TTL_MAX_S, &ttl) || !ttl) {
		rc = api_fail(c, 400,
			      "role: read, edit or admin; ttl_seconds: up to ten years");
	} else {
		row.expires_ms = row.made_ms + (int64_t)ttl * 1000;
		rc = make_token(c, &row);
	}
	body_free(&b);
	return rc;
}

static int done(struct api_call *c)
{
	struct json j = json_to(&c->out);

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_bool(&j, "done", true);
	end_object(c, &j);
	return 0;
}

static int remove_token(struct api_call *c, struct store *s, const char *which, struct err *e)
{
	int rc = store_begin(s, e);

	if (rc)
		return rc;
	rc = apitoken_remove(s, which, e);
	if (rc == 0)
		rc = err_set(e, -ENOENT, "there is no token %.80s", which);
	else if (rc > 0)
		rc = audit_add(s, clock_ms(), c->who, "api-token revoke", which, e);
	if (!rc)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

int api_token_revoke(struct api_call *c)
{
	struct store *s = api_writer(c);
	struct err e = { 0 };
	int rc;

	if (!s)
		return c->status;
	rc = remove_token(c, s, c->part[1], &e);
	store_close(s);
	return rc < 0 ? api_fail_err(c, &e) : done(c);
}

/* Sensors */

static int make_enrolment(struct api_call *c, const struct admit_order *order)
{
	struct json j = json_to(&c->out);
	char text[TOKEN_TEXT];
	struct err e = { 0 };
	int rc = admit_token(order, text, &e);

	if (rc < 0)
		return api_fail_err(c, &e);
	c->status = 201;
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "token", text);
	end_object(c, &j);
	return 0;
}

int api_enrolment_add(struct api_call *c)
{
	struct admit_order order = { .dir = c->api->dir, .role = "host", .who = c->who };
	uint64_t ttl = ENROL_TTL_S, uses = 1;
	struct body b;
	int rc;

	if (!read_body(c, &b))
		return c->status;
	if (strcmp(body_text(&b, "role"), "mirror") == 0)
		order.role = "mirror";
	if ((body_has(&b, "role") && strcmp(body_text(&b, "role"), order.role) != 0) ||
	    !body_number(&b, "ttl_seconds", ADMIT_TTL_MAX_S, &ttl) || !ttl ||
	    !body_number(&b, "uses", ADMIT_USES_MAX, &uses) || !uses) {
		rc = api_fail(c, 400,
			      "role: host or mirror; ttl_seconds: up to a year; "
			      "uses: from 1");
	} else {
		order.ttl_s = (uint32_t)ttl;
		order.uses = (unsigned)uses;
		rc = make_enrolment(c, &order);
	}
	body_free(&b);
	return rc;
}

int api_sensor_revoke(struct api_call *c)
{
	struct store *s = api_writer(c);
	struct err e = { 0 };
	int rc;

	if (!s)
		return c->status;
	rc = roster_revoke(s, c->who, c->part[1], clock_ms(), &e);
	store_close(s);
	if (rc == -EALREADY)
		return api_fail(c, 409, "%s", e.msg);
	return rc < 0 ? api_fail_err(c, &e) : done(c);
}

/* The audit */

static int audit_line(const struct audit_row *row, void *ctx)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_member_uint(j, "id", (uint64_t)row->id);
	json_member_uint(j, "at", (uint64_t)row->at_ms / 1000);
	json_member_string(j, "who", row->who);
	json_member_string(j, "what", row->what);
	json_member_string(j, "detail", row->detail);
	json_close(j, '}');
	return 0;
}

int api_audit(struct api_call *c)
{
	struct json j = json_to(&c->out);
	uint64_t limit = c->page.limit ? c->page.limit : AUDIT_LIMIT;
	struct err e = { 0 };
	int rc;

	if (limit > AUDIT_MOST)
		return api_fail(c, 400, "limit: up to %d", AUDIT_MOST);
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_key(&j, "audit");
	json_open(&j, '[');
	rc = audit_each(c->api->store, NULL, (unsigned)limit, audit_line, &j, &e);
	json_close(&j, ']');
	end_object(c, &j);
	return rc < 0 ? api_fail_err(c, &e) : 0;
}
