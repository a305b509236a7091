/* SPDX-License-Identifier: Apache-2.0 */
/* The routes as an OpenAPI 3.0 document, for programs that make clients of it. */
#include <stdio.h>
#include <string.h>

#include "collector/api.h"
#include "common/version.h"

static void member_object(struct json *j, const char *key)
{
	json_key(j, key);
	json_open(j, '{');
}

static void answer(struct json *j, const char *status, const char *words)
{
	member_object(j, status);
	json_member_string(j, "description", words);
	json_close(j, '}');
}

/* A path of "any" parts has them as {id} there. */
static void path_of(const struct api_route *r, char *out, size_t cap)
{
	size_t n = strlen(r->path);

	if (n && r->path[n - 1] == '*')
		snprintf(out, cap, "/%.*s{id}", (int)n - 1, r->path);
	else
		snprintf(out, cap, "/%s", r->path);
}

static void parameter(struct json *j, const char *name, size_t n, bool in_path)
{
	json_open(j, '{');
	json_key(j, "name");
	json_chars(j, name, n);
	json_member_string(j, "in", in_path ? "path" : "query");
	json_member_bool(j, "required", in_path);
	member_object(j, "schema");
	json_member_string(j, "type", "string");
	json_close(j, '}');
	json_close(j, '}');
}

static void parameters(struct json *j, const struct api_route *r)
{
	json_key(j, "parameters");
	json_open(j, '[');
	if (strchr(r->path, '*'))
		parameter(j, "id", 2, true);
	for (const char *at = r->parameters; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		parameter(j, at, n, false);
		at += n;
	}
	json_close(j, ']');
}

static void operation(struct json *j, const struct api_route *r)
{
	static const char *const methods[] = { "get", "head", "post", "delete" };

	member_object(j, methods[r->method]);
	json_member_string(j, "summary", r->words);
	json_member_string(j, "x-role", api_role_word[r->role]);
	parameters(j, r);
	member_object(j, "responses");
	answer(j, "200", "done");
	answer(j, "default", "an error: {\"version\":1,\"error\":{\"status\",\"message\"}}");
	json_close(j, '}');
	json_close(j, '}');
}

int api_openapi(struct api_call *c)
{
	struct json j = json_to(&c->out);
	char path[64];

	json_open(&j, '{');
	json_member_string(&j, "openapi", "3.0.3");
	member_object(&j, "info");
	json_member_string(&j, "title", "Skein collector");
	json_member_string(&j, "version", SKEIN_VERSION);
	json_close(&j, '}');
	json_key(&j, "servers");
	json_open(&j, '[');
	json_open(&j, '{');
	json_member_string(&j, "url", "/api/v1");
	json_close(&j, '}');
	json_close(&j, ']');
	member_object(&j, "paths");
	for (unsigned i = 0; i < api_routes_n; i++) {
		bool again = i && strcmp(api_routes[i].path, api_routes[i - 1].path) == 0;

		path_of(&api_routes[i], path, sizeof(path));
		if (!again)
			member_object(&j, path);
		operation(&j, &api_routes[i]);
		if (i + 1 == api_routes_n ||
		    strcmp(api_routes[i].path, api_routes[i + 1].path) != 0)
			json_close(&j, '}');
	}
	json_close(&j, '}');
	json_close(&j, '}');
	buf_str(&c->out, "\n");
	return 0;
}
