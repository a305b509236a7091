/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of strangers: whatever is taken is one whole head with a Host, its strings lie in
 * it, and path, query and body come apart without a step outside.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/api_body.h"
#include "collector/http_guard.h"
#include "collector/http_parse.h"
#include "common/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void take_apart(struct http_head *h)
{
	const char *part[HTTP_PARTS_MAX], *name, *value;
	char *path = xstrdup(h->path), *query = xstrdup(h->query), *at = query;
	struct http_guard g = { .names = "a,b", .host = "c" };
	int n = http_parts(path, part);

	for (int i = 0; i < n; i++)
		check(*part[i] && strcmp(part[i], "..") != 0);
	while (http_parameter(&at, &name, &value) > 0)
		check(strlen(name) + strlen(value) <= strlen(h->query));
	check(http_guard(&g, h) != 0 || *h->host);
	http_guard_open(&g, h);
	free(path);
	free(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	struct http_head h;
	struct json_in in;
	struct body b;
	int n;

	memcpy(text, data, size);
	text[size] = 0;
	n = http_head_length(text, size);
	check(n <= (int)size && n <= HTTP_HEAD_MAX);
	if (n > 0) {
		if (http_head_parse(text, (size_t)n, &h) == 0) {
			check(*h.host && *h.path == '/' && h.body <= HTTP_BODY_MAX);
			take_apart(&h);
		}
		in = json_from(text + n, size - (size_t)n);
		body_read(&b, &in, NULL, NULL);
		body_free(&b);
	}
	free(text);
	return 0;
}
